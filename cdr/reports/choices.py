"""What money a report counts, and which ends of calls count as what."""

from core.choices import ColouredChoices
from routing.reasons import REASONS


class MoneyKind(ColouredChoices):
    """Where an amount of a day comes from. Signs are those of the ledgers' words: above zero we get, below we owe."""

    CLIENT_CALLS = "account", "green", "Calls, charged to clients"
    CARRIER_CALLS = "carrier", "orange", "Calls, paid by carriers (below zero: owed)"
    RENTAL_SOLD = "rental_sold", "green", "Rentals, charged to clients"
    RENTAL_BOUGHT = "rental_bought", "orange", "Rentals, owed to carriers"


# ITU-T E.411 and E.425: a bid is an attempt to get through; a seizure is a bid that did. Here a bid is an INVITE, and
# it is a seizure once the call was let in and had a phone to go to, whether or not that phone was there.
NO_SEIZURE = tuple(code for code, known in REASONS.items() if known.refuses and code != "not_registered")
# Ends that are the doing of people and their phones, not of the network: with the answers they make its effectiveness
# (user busy, ring no answer, terminal rejection or unavailability).
OF_THE_USER = ("busy", "no_answer", "declined", "cancelled", "not_registered")
