"""Column mappings kept under a name: saved from one file, used for the next of the same making."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from core.jobs.columns import plain
from core.jobs.models import ColumnTemplate, Job
from core.models import User


def save_template(*, actor: User, job: Job, name: str, columns: Mapping[str, int]) -> ColumnTemplate:
    """Keep which column of a job's file holds what; a template of this name is replaced."""
    name = " ".join(name.split())
    if not name:
        raise ValidationError({"template": "Give it a name."})
    # A file without a head has only positions to go by.
    heads = job.header if job.headed else []
    told = {ours: {"word": heads[at] if at < len(heads) else "", "at": at} for ours, at in columns.items()}
    values = {"columns": told, "created_by": actor, "saved_at": timezone.now()}
    return ColumnTemplate.objects.update_or_create(kind=job.kind, name=name, defaults=values)[0]


def places_by(template: ColumnTemplate, header: Sequence[str], width: int) -> dict[str, int]:
    """Return where a template's columns are in a file: by the head's words, and by position where it has none."""
    by_word: dict[str, int] = {}
    for position, word in enumerate(header):
        by_word.setdefault(plain(word), position)
    places: dict[str, int] = {}
    for name, told in template.columns.items():
        at: Any = by_word.get(plain(told["word"])) if header and told["word"] else told["at"]
        if at is not None and at < width and at not in places.values():
            places[name] = at
    return places
