"""The columns of a rate, in the order and the words of the file format (docs/rating.md); a column is added here."""

FORMAT = {
    "code": "Code",
    "description": "Description",
    "enabled": "Enabled",
    "rate_minute": "Rate Minute",
    "rate_call": "Rate Call",
    "currency": "Currency",
    "increment": "Increment",
    "grace": "Grace",
    "minimal_duration": "Minimal Duration",
}
AMOUNTS = ("rate_minute", "rate_call")
SECONDS = ("increment", "grace", "minimal_duration")
# What a call costs once its rate is found; a DID's own price has no more.
PRICE_FIELDS = (*AMOUNTS, *SECONDS)
# The currency stands in each row of a file, but is its table's.
RATE_FIELDS = tuple(name for name in FORMAT if name != "currency")
