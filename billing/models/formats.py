"""How the codes of billing are written."""

from django.core.validators import RegexValidator

digits_or_empty = RegexValidator(r"^[0-9]{0,15}$", "Digits only, at most 15, such as 4420; empty matches every number.")
currency_code = RegexValidator(r"^[A-Z]{3}$", "Three capital letters (ISO 4217), such as USD.")
