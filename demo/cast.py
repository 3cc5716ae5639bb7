"""Who there is: providers and their addresses, numbers, clients and their phones."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Address:
    """One entry of a carrier's tab Accounts."""

    network: str
    description: str
    product: str = "free inbound"
    tech_prefix: str = ""
    default_region: str = ""
    call_limit: int | None = None
    enabled: bool = True


@dataclass(frozen=True)
class Provider:
    """A carrier; ``payment`` is what it has paid at the beginning, if anything."""

    name: str
    currency: str
    addresses: tuple[Address, ...]
    is_did_provider: bool = True
    payment: Decimal | None = None
    notes: str = ""
    numbers: str = ""


NORTHGATE, LAKESHORE = "Northgate Telecom", "Lakeshore Voice"
REVENUE_SHARE, UK_INBOUND, FREEPHONE = "Lakeshore revenue share", "UK inbound per minute", "Freephone received"
DELIVERY, HOTLINE = "Northgate delivery", "Support hotline"
HOTLINE_ACCOUNT, HOTLINE_NUMBER = "Hotline, prepaid", "441614960104"

PROVIDERS = (
    Provider(
        NORTHGATE,
        "GBP",
        (
            Address("203.0.113.0/26", "SBC pool London", product=DELIVERY, default_region="GB"),
            Address("203.0.113.200/32", "Old SBC, replaced"),
            Address("198.51.100.10/32", "Interconnect test bed", tech_prefix="77#"),
            Address("127.0.30.0/28", "Demo: lives on this machine", product=DELIVERY, default_region="GB"),
            Address("127.0.30.200/32", "Demo: the old SBC, still sending"),
            Address("127.0.30.40/32", "Demo: the test bed", tech_prefix="77#"),
        ),
        payment=Decimal(100),
        notes="NOC: answers within the hour on weekdays. Sends national format from the London pool.",
        numbers="020 7946 0010 - 020 7946 0025\n0161 496 0101 - 0161 496 0104\n0808 157 0300 - 0808 157 0301",
    ),
    Provider(
        LAKESHORE,
        "USD",
        (
            Address("198.51.100.32/29", "Chicago edge", product=REVENUE_SHARE),
            Address("198.51.100.60/32", "Backup trunk", call_limit=1),
            Address("127.0.31.0/28", "Demo: Chicago edge", product=REVENUE_SHARE),
            Address("127.0.31.40/32", "Demo: backup trunk", call_limit=1),
        ),
        payment=Decimal("25"),
        notes="Pays us a share of each received call.",
        numbers="+1 312 555 0110 - +1 312 555 0115\n+1 312 555 0199\n+1 646 555 0123",
    ),
    Provider(
        "Meridian Trial",
        "GBP",
        (Address("192.0.2.16/28", "Trial trunk"), Address("127.0.32.1/32", "Demo: trial trunk")),
        notes="Wants to sell us numbers; has not paid its deposit yet.",
    ),
    Provider(
        "Transatlantic Transit",
        "USD",
        (Address("192.0.2.64/27", "Termination only"), Address("127.0.33.1/32", "Demo: termination only")),
        is_did_provider=False,
        payment=Decimal(500),
    ),
)

# Rate tables with their codes, each the only table of the product of that name: code, description, per minute, per
# call, increment, enabled. Before them, free seconds a month for each account. Below zero is what we owe.
Rates = tuple[tuple[str, str, str, str, int, bool], ...]
PRODUCTS: tuple[tuple[str, str, str, int, Rates], ...] = (
    (
        REVENUE_SHARE,
        "originating_carrier",
        "USD",
        0,
        (("1312555", "Chicago", "0.0021", "0", 6, True), ("13125550199", "Chat line, blocked", "0", "0", 1, False)),
    ),
    (
        DELIVERY,
        "originating_carrier",
        "GBP",
        0,
        (
            ("", "Any number", "0", "0", 1, True),
            ("4420", "London", "-0.0006", "0", 1, True),
            ("44808", "Freephone", "-0.0120", "0", 1, True),
        ),
    ),
    (
        UK_INBOUND,
        "account",
        "GBP",
        1800,
        (("4420", "London", "0.0040", "0", 1, True), ("44161", "Manchester", "0.0040", "0", 1, True)),
    ),
    (
        FREEPHONE,
        "account",
        "GBP",
        0,
        (("44808", "Freephone", "0.0350", "0.01", 60, True), ("4420", "London", "0.0030", "0", 1, True)),
    ),
    (HOTLINE, "account", "GBP", 0, (("44", "United Kingdom", "1.2", "0", 1, True),)),
)


@dataclass(frozen=True)
class Office:
    """An account with the aliases of its phones."""

    client: str
    email: str
    account: str
    aliases: tuple[tuple[str, str], ...]
    product: str = ""
    payment: Decimal | None = None
    credit_limit: Decimal = Decimal(0)
    low_at: Decimal | None = None
    call_limit: int | None = None
    max_call_seconds: int | None = None


OFFICES = (
    Office(
        "Harbour & Finch Solicitors",
        "office@harbourfinch.example",
        "Main office",
        (
            ("harbour-reception", "Reception"),
            ("harbour-finch", "Ms Finch, first floor"),
            ("harbour-archive", "Archive, behind the landlord's router"),
        ),
        payment=Decimal(120),
        call_limit=10,
    ),
    Office(
        "Bluebell Dental Practice",
        "desk@bluebelldental.example",
        "Practice",
        (("bluebell-desk", "Front desk"),),
    ),
    Office(
        "Copperfield Logistics",
        "it@copperfield.example",
        "Dispatch",
        (("copperfield-dispatch", "Dispatch, day and night"), ("copperfield-depot", "Depot, gate phone")),
        product=FREEPHONE,
        payment=Decimal(80),
        credit_limit=Decimal(20),
    ),
    Office(
        "Copperfield Logistics",
        "it@copperfield.example",
        "Claims line",
        (("copperfield-claims", "Claims, prepaid"),),
        product=FREEPHONE,
    ),
    Office(
        "Kestrel Software",
        "ops@kestrel.example",
        "Helpdesk",
        (("kestrel-support", "Helpdesk queue"),),
        product=UK_INBOUND,
        payment=Decimal(60),
        low_at=Decimal(50),
        call_limit=3,
    ),
    Office("Kestrel Software", "ops@kestrel.example", "Lobby", (("kestrel-lobby", "Lobby"),), max_call_seconds=60),
    Office(
        "Kestrel Software",
        "ops@kestrel.example",
        HOTLINE_ACCOUNT,
        (("kestrel-hotline", "Hotline, ends with its funds"),),
        product=HOTLINE,
    ),
    Office("Willow Street Bakery", "hello@willowstreet.example", "Shop", (("willow-shop", "Behind the counter"),)),
    Office(
        "Ashdown Veterinary Centre",
        "clinic@ashdownvets.example",
        "Clinic",
        (("ashdown-clinic", "Clinic"), ("ashdown-van", "Van, out of use")),
    ),
)

# What each mapped number rings. The rest of the thirty stay available.
RINGS = {
    "442079460010": "harbour-reception",
    "442079460011": "harbour-finch",
    "442079460012": "harbour-archive",
    "442079460013": "bluebell-desk",
    "442079460014": "bluebell-desk",
    "442079460015": "copperfield-dispatch",
    "442079460016": "copperfield-depot",
    "442079460017": "copperfield-claims",
    "442079460018": "kestrel-support",
    "442079460019": "kestrel-lobby",
    "442079460020": "willow-shop",
    "442079460021": "ashdown-clinic",
    "442079460022": "ashdown-van",
    "442079460023": "harbour-reception",
    "442079460024": "bluebell-desk",
    "441614960101": "ashdown-clinic",
    HOTLINE_NUMBER: "kestrel-hotline",
    "448081570300": "copperfield-dispatch",
    "448081570301": "kestrel-support",
    "13125550110": "harbour-reception",
    "13125550111": "bluebell-desk",
    "13125550113": "willow-shop",
    "13125550199": "harbour-finch",
    "16465550123": "bluebell-desk",
}
DID_LIMITS = {"441614960101": 1}
SUSPENDED, QUARANTINED, RETIRED = "442079460023", "442079460024", "442079460025"

AGENTS = {
    "harbour": "Yealink SIP-T46U 108.86.0.45",
    "bluebell": "Grandstream GXP1625 1.0.7.13",
    "copperfield": "Snom D717/10.1.137.16",
    "kestrel": "PolyEdge-E350/8.1.2",
    "willow": "Fanvil X3U 2.12.1",
    "ashdown": "Cisco/SPA514G-7.6.2",
}
UNUSED_ALIAS = "ashdown-van"
SILENT_PHONE, LOST_PHONE = "harbour-archive", "copperfield-depot"


def agent_of(alias: str) -> str:
    """Return what the phone of an alias calls itself."""
    return AGENTS[alias.partition("-")[0]]


ALIASES = tuple(username for office in OFFICES for username, _ in office.aliases)
