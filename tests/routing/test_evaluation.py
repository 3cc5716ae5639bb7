"""The evaluation gives the reasons of docs/decisions.md in their order, and says in words what it compared."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from routing.decision import CHECK_TITLES, PARTIES, Decision, Facts, FreeBucket, InboundAttempt, Outcome
from routing.evaluation import evaluate
from routing.reasons import REASONS
from routing.rows import Carrier, CarrierAccount, DidPrice, Product, ProductMapping, TraceRequest
from routing.snapshot import Policy, Snapshot
from tests.routing.configs import (
    ACCOUNT,
    ADDRESS,
    ALIAS,
    CARRIER,
    DID,
    ZERO,
    attempts,
    call,
    config_of,
    configs,
    facts,
    some_facts,
    usual,
)


def judged(*changed: Any, known: Facts | None = None, **parts: Any) -> Decision:
    return evaluate(call(**parts), usual(*changed), known or facts())


def test_the_usual_call_is_accepted() -> None:
    decision = judged(known=facts(registered=True, live={"did": 3}))
    assert (decision.reason, decision.accept, decision.number) == ("accepted", True, "442079460018")
    assert [check.outcome for check in decision.checks] == [Outcome.PASSED] * 14
    route = [getattr(decision, name) for name in PARTIES]
    assert [row.label for row in route] == [
        "Acme", "203.0.113.0/26", "+442079460018", "desk-101", "Main office", "Bloom Ltd",
    ]  # fmt: skip
    assert decision.facts == {"credit": {"11": True}}


REFUSALS: list[tuple[str, int, tuple[Any, ...], dict[str, Any], Facts | None]] = [
    ("source_not_listed", 1, (), {"source": "203.0.113.70"}, None),
    ("source_not_listed", 1, (), {"source": "no address"}, None),
    ("source_not_listed", 1, (), {"source": "2001:db8::1"}, None),
    ("prefix_not_matched", 1, (ADDRESS._replace(tech_prefix="1001"),), {}, None),
    ("carrier_disabled", 2, (CARRIER._replace(enabled=False),), {}, None),
    ("carrier_disabled", 2, (ADDRESS._replace(enabled=False),), {}, None),
    ("carrier_not_did_provider", 3, (CARRIER._replace(is_did_provider=False),), {}, None),
    ("carrier_no_credit", 4, (), {}, Facts(credit={11: False})),
    ("funds_unknown", 4, (), {}, Facts()),
    ("prefix_not_matched", 5, (), {"ruri": "sip:sales@192.0.2.1"}, None),
    ("prefix_not_matched", 5, (), {"ruri": "sip:44%zz@192.0.2.1"}, None),
    ("prefix_not_matched", 5, (), {"ruri": "sip:123456@192.0.2.1"}, None),
    ("prefix_not_matched", 5, (ADDRESS._replace(number_source="to"),), {"to_uri": ""}, None),
    ("did_unknown", 6, (), {"ruri": "sip:+442079460019@192.0.2.1"}, None),
    ("did_of_other_carrier", 7, (DID._replace(carrier_id=2), CARRIER._replace(id=2, name="Bel")), {}, None),
    ("did_suspended", 8, (DID._replace(state="suspended"),), {}, None),
    ("did_quarantined", 8, (DID._replace(state="quarantine", alias_id=None),), {}, None),
    ("did_retired", 8, (DID._replace(state="retired", alias_id=None),), {}, None),
    ("did_not_mapped", 9, (DID._replace(state="available", alias_id=None),), {}, None),
    ("alias_disabled", 9, (ALIAS._replace(enabled=False),), {}, None),
    ("account_suspended", 10, (ACCOUNT._replace(state="suspended"),), {}, None),
    ("no_rate", 11, (ADDRESS._replace(product_id=2), DID._replace(number=12125551234)),
     {"ruri": "sip:+12125551234@x"}, None),
    ("no_rate", 11, (ADDRESS._replace(product_id=2), DID._replace(number=441212345678)),
     {"ruri": "sip:+441212345678@x"}, None),
    ("destination_blocked", 11, (ADDRESS._replace(product_id=2), DID._replace(number=447700900123)),
     {"ruri": "sip:+447700900123@x"}, None),
    ("account_no_rate", 11, (ACCOUNT._replace(product_id=2), DID._replace(number=12125551234)),
     {"ruri": "sip:+12125551234@x"}, None),
    ("no_rate", 11, (ADDRESS._replace(product_id=2), ACCOUNT._replace(product_id=2), DID._replace(number=12125551234)),
     {"ruri": "sip:+12125551234@x"}, None),
    ("carrier_limit", 12, (ADDRESS._replace(call_limit=2),), {}, facts(live={"carrier_account": 2})),
    ("did_limit", 12, (DID._replace(call_limit=0),), {}, facts(live={"did": 0})),
    ("account_limit", 12, (ACCOUNT._replace(call_limit=1),), {}, facts(live={"account": 5})),
    ("carrier_limit", 12, (ADDRESS._replace(call_limit=1), DID._replace(call_limit=1)), {},
     facts(live={"carrier_account": 1, "did": 1})),
    ("funds_unknown", 13, (ACCOUNT._replace(product_id=2),), {}, None),
    ("account_no_credit", 13, (ACCOUNT._replace(product_id=2),), {}, facts(funds={"account": False})),
    ("carrier_no_credit", 13, (ADDRESS._replace(product_id=2),), {}, facts(funds={"carrier": False})),
    ("not_registered", 14, (), {}, facts(registered=False)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "check", "changed", "parts", "known"),
    REFUSALS,
    ids=[f"{refusal[0]}-{refusal[1]}-{at}" for at, refusal in enumerate(REFUSALS)],
)
def test_each_check_refuses_with_its_reason(
    reason: str, check: int, changed: tuple[Any, ...], parts: dict[str, Any], known: Facts | None
) -> None:
    decision = judged(*changed, known=known, **parts)
    assert decision.reason == reason
    assert decision.failed is not None
    assert decision.failed.number == check
    assert decision.failed.words
    outcomes = [c.outcome for c in decision.checks]
    assert Outcome.FAILED not in outcomes[: check - 1]
    assert Outcome.NOT_REACHED not in outcomes[:check]
    assert set(outcomes[check:]) <= {Outcome.NOT_REACHED}
    assert not decision.accept


def test_every_reason_of_the_checks_is_tried_above() -> None:
    expected = {code for code, reason in REASONS.items() if 1 <= reason.check <= 14}
    assert {refusal[0] for refusal in REFUSALS} == expected


@pytest.mark.parametrize(
    ("source", "near"),
    [
        ("203.0.113.70", "203.0.113.70 is 7 addresses past 203.0.113.0/26 of Acme"),
        ("203.0.113.64", "203.0.113.64 is 1 address past 203.0.113.0/26 of Acme"),
        ("203.0.112.255", "203.0.112.255 is 1 address before 203.0.113.0/26 of Acme"),
        ("198.51.100.1", ""),
    ],
)
def test_the_nearest_network_is_named(source: str, near: str) -> None:
    failed = judged(source=source).failed
    assert failed is not None
    assert failed.near == near


@pytest.mark.parametrize(
    ("dialled", "near"),
    [
        ("442079460019", "number differs in one digit from DID +442079460018"),
        ("4420794600188", "number has one digit more than DID +442079460018"),
        ("44207946018", "number has one digit less than DID +442079460018"),
        ("442079460081", "number has two digits swapped against DID +442079460018"),
        ("12125551234", ""),
    ],
)
def test_the_nearest_did_is_named(dialled: str, near: str) -> None:
    failed = judged(ruri=f"sip:{dialled}@192.0.2.1").failed
    assert failed is not None
    assert (failed.number, failed.near) == (6, near)


def test_an_ipv4_mapped_source_is_the_ipv4_address() -> None:
    assert judged(source="::ffff:203.0.113.5").accept


def test_the_longest_network_counts_even_when_it_is_disabled() -> None:
    host = ADDRESS._replace(id=2, network="203.0.113.5/32", enabled=False)
    assert judged(host).reason == "carrier_disabled"
    assert judged(host, source="203.0.113.6").accept


def test_two_carriers_on_one_address_are_told_apart_by_tech_prefix() -> None:
    other = Carrier(2, "Bel", True, True, 12, 5)
    theirs = CarrierAccount(2, 2, "203.0.113.0/26", 1, "1001#", "request_uri", "", (), None, True, "automatic", 5)
    mine = judged(other, theirs)
    assert (mine.accept, mine.carrier and mine.carrier.label) == (True, "Acme")
    with_prefix = judged(other, theirs, ruri="sip:1001%23442079460018@192.0.2.1")
    assert (with_prefix.reason, with_prefix.carrier and with_prefix.carrier.label) == ("did_of_other_carrier", "Bel")


def test_a_longer_network_whose_prefix_does_not_fit_leaves_the_call_to_a_shorter_one() -> None:
    narrow = ADDRESS._replace(id=2, network="203.0.113.5/32", tech_prefix="99")
    decision = judged(narrow)
    assert (decision.accept, decision.carrier_account and decision.carrier_account.label) == (True, "203.0.113.0/26")


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("to", {"ruri": "sip:trunk@192.0.2.1", "to_uri": "sip:+442079460018@x"}),
        ("p_called_party_id", {"ruri": "sip:trunk@192.0.2.1", "p_called_party_id": "<sip:+442079460018@x>;a=b"}),
    ],
)
def test_the_number_is_read_where_the_carrier_account_says(source: str, parts: dict[str, str]) -> None:
    assert judged(ADDRESS._replace(number_source=source), **parts).accept


def test_a_mapping_not_yet_in_force_is_passed_over() -> None:
    later = ProductMapping(9, 1, "4420", 2, call().at + 1, 5)
    assert judged(later).reserve == ()
    assert judged(later._replace(starts_at=call().at)).reason == "funds_unknown"


def test_a_price_above_zero_reserves_one_quantum_per_leg_and_a_negative_one_nothing() -> None:
    enough = facts(funds={"carrier": True, "account": True})
    both = judged(ADDRESS._replace(product_id=2), ACCOUNT._replace(product_id=2), known=enough)
    assert both.accept
    assert [(leg.leg, leg.balance_id, leg.amount, leg.currency) for leg in both.reserve] == [
        ("carrier", 11, Decimal("0.061000"), "USD"),
        ("account", 12, Decimal("0.061000"), "USD"),
    ]


def test_a_dids_own_price_goes_before_the_accounts_product_and_names_its_free_seconds() -> None:
    own = DidPrice(4, 1, "USD", Decimal("1.200000"), ZERO, 1, 0, 0, 600, 5)
    decision = judged(ACCOUNT._replace(product_id=2), own, known=facts(funds={"account": True}))
    [leg] = decision.reserve
    assert (leg.amount, leg.currency, leg.rate) == (Decimal("1.220000"), "USD", own)
    assert leg.free == FreeBucket(1, 1, dt.date(2025, 11, 1), 600)
    words = "The DID’s own price: 1.2 USD a minute, 0 USD a call, the first 600 s of a month free"
    assert words in decision.check(11).words
    # It prices the number also where the product would not.
    assert judged(ACCOUNT._replace(product_id=9), own._replace(rate_minute=ZERO)).accept
    assert judged(ACCOUNT._replace(product_id=9)).reason == "account_no_rate"


def test_a_products_free_seconds_are_those_of_the_account() -> None:
    product = Product(2, "paid", 300, 1)
    [leg] = judged(ACCOUNT._replace(product_id=2), product, known=facts(funds={"account": True})).reserve
    assert leg.free == FreeBucket(1, None, dt.date(2025, 11, 1), 300)
    # A carrier has none.
    assert judged(ADDRESS._replace(product_id=2), product, known=facts(funds={"carrier": True})).reserve[0].free is None


def test_a_refusal_says_how_many_seconds_free_ones_or_money_must_cover() -> None:
    own = DidPrice(4, 1, "USD", Decimal("0.060000"), ZERO, 6, 0, 0, 60, 5)
    decision = judged(ACCOUNT._replace(product_id=2), own, known=facts(funds={"account": False}))
    assert decision.check(13).words == (
        f"{ACCOUNT.name} cannot cover the first 66 s of a call, which cost 0.066 USD where no free seconds pay them"
    )
    without = judged(
        ACCOUNT._replace(product_id=2), own._replace(free_seconds=0), known=facts(funds={"account": False})
    )
    assert without.check(13).words == f"{ACCOUNT.name} does not have 0.066 USD"


def test_unknown_facts_are_said_and_not_guessed() -> None:
    decision = judged(DID._replace(call_limit=3))
    assert [decision.check(n).outcome for n in (12, 14)] == [Outcome.UNKNOWN, Outcome.UNKNOWN]
    assert decision.accept


def test_the_shortest_of_the_longest_durations_counts() -> None:
    config = usual(ACCOUNT._replace(max_call_seconds=60), policy=Policy(max_call_seconds=3600))
    assert evaluate(call(), config, facts()).max_seconds == 60
    config = usual(ACCOUNT._replace(max_call_seconds=7200), policy=Policy(max_call_seconds=3600))
    assert evaluate(call(), config, facts()).max_seconds == 3600


@pytest.mark.parametrize(("kind", "id_", "traced"), [("did", 1, True), ("alias", 1, True), ("did", 2, False)])
def test_an_open_trace_request_of_did_or_alias_asks_for_a_trace(kind: str, id_: int, traced: bool) -> None:
    assert judged(TraceRequest(1, kind, id_, None, 5)).trace is traced
    assert judged(TraceRequest(1, kind, id_, 1, 5)).trace is False


def test_names_with_braces_and_percent_signs_are_only_names() -> None:
    decision = judged(CARRIER._replace(name="{0} %s {x}", is_did_provider=False))
    assert decision.failed is not None
    assert decision.failed.words == "“Carrier is DID provider” is not set for {0} %s {x}"


def test_an_empty_configuration_refuses() -> None:
    assert evaluate(call(), config_of(), facts()).reason == "source_not_listed"


@given(configs, attempts, some_facts)
def test_any_call_meets_a_verdict_with_a_readable_record(
    config: Snapshot, attempt: InboundAttempt, known: Facts
) -> None:
    decision = evaluate(attempt, config, known)
    assert decision.reason in REASONS
    assert [check.number for check in decision.checks] == list(CHECK_TITLES)
    outcomes = [check.outcome for check in decision.checks]
    assert decision.accept == (Outcome.FAILED not in outcomes and Outcome.NOT_REACHED not in outcomes)
    if not decision.accept:
        at = outcomes.index(Outcome.FAILED)
        assert set(outcomes[at + 1 :]) <= {Outcome.NOT_REACHED}
        assert REASONS[decision.reason].check == at + 1 or (decision.reason, at + 1) in {
            ("prefix_not_matched", 1), ("funds_unknown", 4), ("carrier_no_credit", 13),
        }  # fmt: skip
    record = json.loads(json.dumps(decision.record()))
    back = Decision.from_record(record)
    assert json.loads(json.dumps(back.record())) == record
    assert [(c.number, c.outcome, c.words, c.row, c.near) for c in back.checks] == [
        (c.number, c.outcome, c.words, c.row, c.near) for c in decision.checks
    ]
    assert (back.carrier, back.alias) == (decision.carrier, decision.alias)
    assert [leg[:4] for leg in back.reserve] == [leg[:4] for leg in decision.reserve]


@given(configs, attempts, some_facts)
def test_explaining_changes_no_verdict(config: Snapshot, attempt: InboundAttempt, known: Facts) -> None:
    told, silent = (evaluate(attempt, config, known, explain=explain) for explain in (True, False))
    for name in ("reason", "routed", "reserve", "limits", "max_seconds", "trace", "audio", "facts", *PARTIES):
        assert getattr(told, name) == getattr(silent, name)


@given(configs, attempts, some_facts)
def test_the_recorded_facts_give_the_same_verdict_again(
    config: Snapshot, attempt: InboundAttempt, known: Facts
) -> None:
    first = evaluate(attempt, config, known)
    recorded = Facts.from_json(
        json.loads(json.dumps(first.facts)), known.live, {True: 1, False: 0, None: -1}[known.registered]
    )
    assert evaluate(attempt, config, recorded).record() == first.record()


def test_a_record_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown record format"):
        Decision.from_record({"v": 99})
