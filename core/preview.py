"""A preview that is the result: what a bulk change will do is planned, shown, and applied only if it still holds."""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

from core.choices import ColouredChoices


class Outcome(ColouredChoices):
    """What applying a plan does with one line: nothing where it is so already; WARN adds and says what is unusual."""

    ADD = "add", "green", "Add"
    WARN = "warn", "yellow", "Add, unusual"
    SAME = "same", "secondary", "Already there"
    REFUSE = "refuse", "red", "Left out"

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
