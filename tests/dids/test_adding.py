"""DIDs are added as people write them; duplicates are named; what the preview said is what happens."""

import pytest
from django.core.exceptions import ValidationError

from carriers.models import Carrier
from core.preview import Outcome, PreviewOutdated, digest_of
from dids.bulk import add_dids, plan_list, plan_one, plan_range
from dids.models import DID
from dids.services import map_dids
from tests.inventory import a_carrier, a_user, an_account, an_alias, at_the_same_moment, some_dids

db = pytest.mark.django_db


@db
def test_one_number_is_added_with_its_country_area_and_the_providers_spelling() -> None:
    actor = a_user()
    carrier = a_carrier(actor)
    plan = plan_one(carrier=carrier, text="0044 20 7946 0018")
    (did,) = add_dids(actor=actor, carrier=carrier, plan=plan, previewed=digest_of(plan))
    did.refresh_from_db()
    assert (did.number, did.provider_number, did.country, did.area, did.state) == (
        "442079460018", "0044 20 7946 0018", "GB", "London", "available",
    )  # fmt: skip


@db
def test_a_range_is_added_whole_and_its_ends_are_checked_beside_their_fields() -> None:
    actor = a_user()
    carrier = a_carrier(actor)
    plan = plan_range(carrier=carrier, first="020 7946 0010", last="19", default_region="GB")
    dids = add_dids(actor=actor, carrier=carrier, plan=plan, previewed=digest_of(plan))
    assert [did.number for did in dids] == [f"4420794600{tail}" for tail in range(10, 20)]
    assert not any(did.provider_number for did in dids)
    for first, last, field in (("x", "19", "number"), ("+442079460018", "17", "last")):
        with pytest.raises(ValidationError) as caught:
            plan_range(carrier=carrier, first=first, last=last)
        assert field in caught.value.error_dict


@db
def test_duplicates_are_named_with_their_carrier_and_holder() -> None:
    actor = a_user()
    acme, other = a_carrier(actor, "Acme"), a_carrier(actor, "Other")
    account = an_account(actor)
    mapped = some_dids(actor, other, "+44 20 7946 0018")
    map_dids(actor=actor, did_ids=[mapped[0].pk], alias=an_alias(actor, account), account=account)
    some_dids(actor, acme, "+44 20 7946 0019")
    text = "+442079460018\n0044 2079460019\n+442079460020\n+44 20 7946 0020\nabc\n+800 1234 5678"
    plan = plan_list(carrier=acme, text=text)
    assert [row.outcome for row in plan] == [
        Outcome.REFUSE, Outcome.SAME, Outcome.ADD, Outcome.SAME, Outcome.REFUSE, Outcome.WARN,
    ]  # fmt: skip
    assert "carrier Other: +44 20 7946 0018 is mapped to desk-101 of Bloom Ltd › Main office" in plan[0].message
    assert "Already on line 3" in plan[3].message
    assert "freephone" in plan[5].message
    dids = add_dids(actor=actor, carrier=acme, plan=plan, previewed=digest_of(plan))
    assert [did.number for did in dids] == ["442079460020", "80012345678"]
    assert not [row for row in plan_list(carrier=acme, text=text) if row.outcome.applies]


@db
@pytest.mark.parametrize("text", ["", "# only a remark", "+442079460000 - 9999\n+442079470000"])
def test_a_list_with_nothing_or_too_much_is_refused_beside_the_field(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        plan_list(carrier=a_carrier(a_user()), text=text)
    assert "text" in caught.value.error_dict


@db
def test_an_outdated_preview_adds_nothing_and_comes_back_renewed() -> None:
    actor = a_user()
    acme, other = a_carrier(actor, "Acme"), a_carrier(actor, "Other")
    text = "+442079460018\n+442079460019"
    previewed = digest_of(plan_list(carrier=acme, text=text))
    some_dids(actor, other, "+442079460019")
    with pytest.raises(PreviewOutdated) as caught:
        add_dids(actor=actor, carrier=acme, plan=plan_list(carrier=acme, text=text), previewed=previewed)
    assert [row.outcome for row in caught.value.plan] == [Outcome.ADD, Outcome.REFUSE]
    assert not acme.dids.exists()


@pytest.mark.django_db(transaction=True)
def test_two_carriers_take_the_same_numbers_at_the_same_moment_and_only_one_gets_any() -> None:
    actor = a_user()
    carriers = [a_carrier(actor, "Acme"), a_carrier(actor, "Other")]

    def add(carrier: Carrier, text: str) -> list[DID]:
        plan = plan_list(carrier=carrier, text=text)
        return add_dids(actor=actor, carrier=carrier, plan=plan, previewed=digest_of(plan))

    numbers = [f"+44207946{number:04d}" for number in range(200)]
    results = at_the_same_moment(
        lambda: add(carriers[0], "\n".join(numbers)), lambda: add(carriers[1], "\n".join(reversed(numbers)))
    )
    refused = [result for result in results if isinstance(result, PreviewOutdated)]
    added = [result for result in results if isinstance(result, list)]
    # A loser so late that its plan already saw the winner's numbers has nothing to add.
    assert (len(refused), len(added)) == (1, 1) or sorted(len(result) for result in added) == [0, 200], results
    assert sorted(carrier.dids.count() for carrier in carriers) == [0, 200]


@pytest.mark.django_db
@pytest.mark.parametrize("written", ["+44 20 7946 0020 - 0029", "+442079460020-+442079460029", "442079460020 to 29"])
def test_a_range_written_in_the_field_of_one_number_is_understood(written: str) -> None:
    actor = a_user()
    plan = plan_one(carrier=a_carrier(actor), text=written)
    assert [row.number for row in plan] == [str(442079460020 + step) for step in range(10)]
