"""Generic views, tables, roles, money and phone-number types, on which every other app stands.

pages        views/, tables, table_values, row_actions, tabs, filters, pagination, forms, form_renderer, layouts,
             navigation, preview, export, xlsx, pdf/, templatetags/; render, markup, sentences, addresses
jobs/        bulk changes that a worker previews, applies and takes back
API          api, parsers, problems
who may      access, adapter, client_address, middleware, models (users), services, urls_account
rows         fields, amounts, choices, lookups, bulk, counting, constraints, archive, keepers, history,
             trigger_functions, partitions, patience
numbers      phone_numbers, number_lists, countries, sip_addresses
time         days (pure), business_time
the process  apps, assets, cache, certificates, checks, context, mail_settings, stack_room, urls
"""
