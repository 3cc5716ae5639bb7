"""The benchmarks of prices and rentals run and print, at a size that says nothing about speed."""

import pytest
from pytest_django import Settings

from bench import rate, rental
from dids.rentals.models import RentalCharge
from tests.timing import zone_at_noon


def test_each_step_of_pricing_does_what_it_counts() -> None:
    config, numbers = rate.configuration(500, seed=1)
    priced, costs, rated, both = (step() for step in rate.steps(config, numbers, seed=1).values())
    assert 0 < priced == costs == rated <= both == len(numbers)


@pytest.mark.django_db(transaction=True)
def test_rentals_are_charged_warned_about_suspended_and_resumed(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.BUSINESS_TIME_ZONE = zone_at_noon()
    rental.run(numbers=30, accounts=3)
    printed = capsys.readouterr().out
    assert "  warned, 30 charges unpaid" in printed
    assert f"ledger checked, {RentalCharge.objects.count():,} charges" in printed
