"""History's triggers stay quick in a transaction of many rows, and lose nothing by it."""

import pghistory
import pytest
from django.db import connection, transaction

from core.models import User

pytestmark = pytest.mark.django_db


def contexts_of(user: User) -> list[object]:
    """Return what the history says about each change of a user, oldest first."""
    events = user.events.order_by("pgh_id").select_related("pgh_context")  # type: ignore[attr-defined]
    return [event.pgh_context.metadata.get("note") if event.pgh_context else None for event in events]


def test_no_trigger_raises_an_exception_for_each_row() -> None:
    """An exception walks through all deferred triggers that wait: with them 100,000 rows took minutes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, prosrc FROM pg_proc WHERE proname IN ('_pgtrigger_should_ignore', '_pgh_attach_context')"
        )
        sources = dict(cursor.fetchall())
    assert len(sources) == 2
    assert not [name for name, source in sources.items() if "EXCEPTION" in source]


def test_each_change_keeps_its_own_context() -> None:
    user = User.objects.create(username="walker")
    with pghistory.context(note="first"):
        User.objects.filter(pk=user.pk).update(email="a@b.c")
        User.objects.filter(pk=user.pk).update(email="b@b.c")
    with pghistory.context(note="second"):
        User.objects.filter(pk=user.pk).update(email="c@b.c")
        with pghistory.context(more="x"):
            User.objects.filter(pk=user.pk).update(email="d@b.c")
    assert contexts_of(user) == [None, "first", "first", "second", "second"]
    last = user.events.latest("pgh_id")  # type: ignore[attr-defined]
    assert last.pgh_context.metadata == {"note": "second", "more": "x"}


def test_a_context_stored_in_a_savepoint_that_was_rolled_back_is_stored_again() -> None:
    user = User.objects.create(username="walker")
    with pghistory.context(note="kept"):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            User.objects.filter(pk=user.pk).update(email="a@b.c")
            raise ZeroDivisionError
        User.objects.filter(pk=user.pk).update(email="b@b.c")
    assert contexts_of(user) == [None, "kept"]


def test_a_trigger_that_is_to_be_ignored_is_ignored() -> None:
    import pgtrigger

    user = User.objects.create(username="walker")
    with pgtrigger.ignore("core.User:update_update"):
        User.objects.filter(pk=user.pk).update(email="a@b.c")
    User.objects.filter(pk=user.pk).update(email="b@b.c")
    assert len(contexts_of(user)) == 2
