"""Template filters of telephone numbers."""

from django import template

from core.countries import country_name
from core.phone_numbers import format_number
from core.sentences import set_for_reading

register = template.Library()

register.filter("e164", format_number)
register.filter("country_name", country_name)
register.filter("sentence", set_for_reading)
