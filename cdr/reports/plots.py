"""A report's days as numbers for its plot: every day of the period, those without anything too."""

import datetime as dt
from typing import Any

from django.db.models import QuerySet

from cdr.reports.periods import Period
from cdr.reports.sums import MARGIN, TRAFFIC, margin_totals


def margin_plot(facts: QuerySet[Any], period: Period) -> dict[str, Any]:
    """Return one plot per currency: what came in, what is owed (below zero) and the margin of each day.

    Floats, for the eye; the table has the exact amounts.
    """
    place = {day: at for at, day in enumerate(period.days)}
    plots: dict[str, dict[str, Any]] = {
        total["currency"]: {"unit": total["currency"]} | {name: [0.0] * len(place) for name in ("in", "out", "margin")}
        for total in margin_totals(facts)
    }
    for row in facts.values("day", "currency").annotate(**MARGIN):
        at, plot = place.get(row["day"]), plots.get(row["currency"])
        if at is not None and plot is not None:
            plot["in"][at] = float(row["revenue"])
            plot["out"][at] = float(row["margin"] - row["revenue"])
            plot["margin"][at] = float(row["margin"])
    return {"days": _labels(place), "plots": list(plots.values())}


def traffic_plot(facts: QuerySet[Any], period: Period) -> dict[str, Any]:
    """Return the calls of each day by how far they came."""
    place = {day: at for at, day in enumerate(period.days)}
    plot: dict[str, Any] = {name: [0] * len(place) for name in ("answered", "unanswered", "refused")}
    plot |= {"minutes": [0.0] * len(place), "unit": "calls"}
    for row in facts.values("day").annotate(**TRAFFIC):
        at = place.get(row["day"])
        if at is None:
            continue
        plot["answered"][at] = row["answered"]
        plot["unanswered"][at] = row["seizures"] - row["answered"]
        plot["refused"][at] = row["attempts"] - row["seizures"]
        plot["minutes"][at] = round(row["talk_us"] / 60_000_000, 2)
    some = any(any(plot[name]) for name in ("answered", "unanswered", "refused"))
    return {"days": _labels(place), "plots": [plot] if some else []}


def _labels(place: dict[dt.date, int]) -> list[str]:
    return [day.isoformat() for day in place]
