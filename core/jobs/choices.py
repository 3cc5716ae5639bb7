"""Where a bulk change stands, and what becomes of each of its lines."""

from core.choices import ColouredChoices


class JobState(ColouredChoices):
    """reading → columns (a person says which is which) → preview → applying → applied → undoing → undone.

    A job that is stopped or failed has changed nothing.
    """

    READING = "reading", "azure", "Reading"
    COLUMNS = "columns", "yellow", "Columns to choose"
    PREVIEW = "preview", "blue", "Preview"
    APPLYING = "applying", "azure", "Applying"
    APPLIED = "applied", "green", "Applied"
    UNDOING = "undoing", "azure", "Undoing"
    UNDONE = "undone", "secondary", "Undone"
    STOPPED = "stopped", "orange", "Stopped"
    FAILED = "failed", "red", "Failed"


# States in which a worker has the job, or ought to.
WORKING = (JobState.READING, JobState.APPLYING, JobState.UNDOING)


class LineOutcome(ColouredChoices):
    """What applying does with one line."""

    NEW = "new", "green", "New"
    CHANGED = "changed", "blue", "Changed"
    DISABLED = "disabled", "orange", "Disabled"
    DELETED = "deleted", "red", "Deleted"
    UNCHANGED = "unchanged", "secondary", "Unchanged"
    REFUSED = "refused", "red", "Refused"


# What writes rows that stand already, and all that writes anything.
UPDATING = (LineOutcome.CHANGED, LineOutcome.DISABLED)
CHANGING = (LineOutcome.NEW, *UPDATING, LineOutcome.DELETED)
