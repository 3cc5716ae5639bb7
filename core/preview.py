"""A preview that is the result: what a bulk change will do is planned, shown, and applied only if it still holds."""

import dataclasses
import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What applying a plan does with one line."""

    ADD = "add"
    WARN = "warn"  # added, with something a person should know
    SAME = "same"  # already as wanted; nothing changes
    REFUSE = "refuse"  # left out, with the reason

    @property
    def applies(self) -> bool:
        """Whether the line changes anything."""
        return self in {Outcome.ADD, Outcome.WARN}


class PreviewOutdated(Exception):
    """What was previewed no longer holds; nothing has been changed. ``plan`` is what would happen now."""

    def __init__(self, plan: Sequence[Any]) -> None:
        super().__init__("Something changed since the preview.")
        self.plan = plan


def digest_of(plan: Sequence[Any]) -> str:
    """Return a digest of a plan's rows (dataclasses); two plans that do the same to the same rows share it."""
    content = "\x1e".join("\x1f".join(str(value) for value in dataclasses.astuple(row)) for row in plan)
    return hashlib.sha256(content.encode()).hexdigest()
