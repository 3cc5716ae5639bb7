"""How the codes of billing are written."""

from django.core.validators import MaxValueValidator, RegexValidator

digits_or_empty = RegexValidator(r"^[0-9]{0,15}$", "Digits only, at most 15, such as 4420; empty matches every number.")
# A day: no call is as long, and what is reckoned with such steps stays far below what a column holds.
MOST_STEP_SECONDS = 86_400
at_most_a_day = MaxValueValidator(MOST_STEP_SECONDS, f"At most {MOST_STEP_SECONDS:,} s: a day.")
currency_code = RegexValidator(r"^[A-Z]{3}$", "Three capital letters (ISO 4217), such as USD.")
