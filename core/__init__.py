"""Generic views, tables, roles, money and phone-number types, on which every other app stands."""
