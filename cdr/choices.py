"""How a call came out, in four words."""

from django.db.models import Q

from core.choices import ColouredChoices
from routing.reasons import REASONS

REFUSAL_CODES = tuple(code for code, reason in REASONS.items() if reason.refuses)


class Outcome(ColouredChoices):
    """Refused: no phone heard of it. Not answered: a phone was called in vain."""

    ANSWERED = "answered", "green", "Answered"
    UNANSWERED = "unanswered", "orange", "Not answered"
    REFUSED = "refused", "red", "Refused"
    IN_PROGRESS = "in_progress", "azure", "In progress"

    @property
    def condition(self) -> Q:
        """The condition for the CDRs with this outcome."""
        return CONDITIONS[self]


CONDITIONS = {
    Outcome.IN_PROGRESS: Q(ended_at__isnull=True),
    Outcome.ANSWERED: Q(ended_at__isnull=False, answered_at__isnull=False),
    Outcome.REFUSED: Q(ended_at__isnull=False, answered_at__isnull=True, reason__in=REFUSAL_CODES),
    Outcome.UNANSWERED: Q(ended_at__isnull=False, answered_at__isnull=True) & ~Q(reason__in=REFUSAL_CODES),
}
