"""System Log's page: filters, search, live tail; and the dead letters' page."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cdr.models import CDR
from core.models import User
from systemlog.dead_letters import retry
from systemlog.events import event_of
from systemlog.filters import FEW
from systemlog.intake import take_in
from systemlog.models import DeadLetter, LogEntry
from tests.calls import Call, line, registration
from tests.inventory import a_carrier, a_user

pytestmark = pytest.mark.django_db
LOG = "/log/"


@pytest.fixture
def refused() -> Call:
    call = Call(source="2001:db8::66", ruri="sip:+44 20@192.0.2.1", call_id="abc@2001:db8::66")
    take_in([event_of(event) for event in call.refusal("source_not_listed", 403, 21, number="")])
    return call


@pytest.fixture
def answered() -> Call:
    call = Call()
    take_in([event_of(e) for e in call.answered(carrier_id=7, did_id=8, account_id=9, alias_id=10, alias="u1001")])
    LogEntry.objects.filter(attempt_id=call.attempt).update(
        refs=[{"kind": "carrier", "id": 7, "label": "Acme <b>"}, {"kind": "did", "id": 8, "label": "+442079460018"}]
    )
    return call


def body(page: Client, path: str) -> str:
    answer = page.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_newest_stands_first_with_links_and_everything_escaped(support_page: Client, answered: Call) -> None:
    html = body(support_page, LOG)
    assert html.index("hung up") < html.index("u1001 rings")
    assert "Acme &lt;b&gt;" in html
    assert f"/cdrs/{answered.attempt}/" in html


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("category=call+reject", {"call reject"}),
        ("category=call", {"call"}),
        ("category=call&category=call+reject", {"call", "call reject"}),
        ("severity=warning", {"call reject"}),
        ("carrier=Acme+%3Cb%3E", {"call"}),
        ("did=%2B442079460018", {"call"}),
        ("q=2001:db8::66", {"call reject"}),
        ("q=abc@2001:db8::66", {"call reject"}),
        ("q=442079460018", {"call"}),
        ("q=%2B44+20+7946+0018", {"call"}),
        ("q=belongs+to+no", {"call reject"}),
        ("q=source_not_listed", {"call reject"}),
        ("q=nothing-like-this", set()),
    ],
)
def test_filters_and_search(support_page: Client, refused: Call, answered: Call, query: str, found: set[str]) -> None:
    answer = support_page.get(f"{LOG}?{query}&export=csv")
    rows = b"".join(answer.streaming_content).decode().splitlines()[1:]  # type: ignore[attr-defined]
    assert {row.split(",")[1] for row in rows} == found


@pytest.mark.parametrize("query", ["category=x", "at_after=yesterday", "call=7", "q=%00", "did=%27%22", "tail=x"])
def test_no_filter_breaks_the_page(support_page: Client, answered: Call, query: str) -> None:
    assert support_page.get(f"{LOG}?{query}").status_code in {200, 400}


@pytest.mark.parametrize("word", ["Many", '"quoted" \\ (@.id == 1) ü', "Carrier"])
def test_a_name_that_many_bear_finds_the_entries_of_each_and_no_others(support_page: Client, word: str) -> None:
    operator = a_user()
    named = [a_carrier(operator, f"{word} {n}") for n in range(FEW + 3)]
    other = a_carrier(operator, "Somebody else")
    LogEntry.objects.all().delete()
    abouts = [{"kind": "carrier", "id": one.pk, "label": "then"} for one in (*named, other)]
    # A reference of another kind with the same number, and one that bore exactly the name at its time.
    abouts += [{"kind": "did", "id": named[0].pk, "label": word}, {"kind": "carrier", "id": 10**9, "label": word}]
    for n, about in enumerate(abouts):
        LogEntry.objects.create(at=timezone.now(), category="change", severity="info", message=f"no. {n}", refs=[about])
    answer = support_page.get(LOG, {"carrier": word, "export": "csv"})
    rows = b"".join(answer.streaming_content).decode().splitlines()[1:]  # type: ignore[attr-defined]
    assert {row.split("no. ")[1].split(",")[0] for row in rows} == {*map(str, range(len(named))), str(len(abouts) - 1)}


def cursor_of(html: str) -> str:
    return html.split('data-tail-cursor="')[1].split('"')[0]


def test_the_tail_brings_what_came_once_and_then_nothing(support_page: Client, answered: Call) -> None:
    cursor = cursor_of(body(support_page, LOG))
    nothing = support_page.get(LOG, {"tail": cursor})
    assert nothing.status_code == 204
    take_in([event_of(registration("refused", "nobody", reason="unknown_user"))])
    something = support_page.get(LOG, {"tail": nothing["X-Tail-Cursor"]})
    html = something.content.decode()
    assert html.count("<tr") == 1
    assert "nobody" in html
    assert something["Cache-Control"] == "no-store"
    assert support_page.get(LOG, {"tail": something["X-Tail-Cursor"]}).status_code == 204


def test_the_tail_follows_the_filter(support_page: Client) -> None:
    cursor = cursor_of(body(support_page, f"{LOG}?category=registration"))
    take_in([event_of(event) for event in Call().answered()])
    first = support_page.get(LOG, {"tail": cursor, "category": "registration"})
    assert first.status_code == 204
    take_in([event_of(registration("refused", "nobody", reason="unknown_user"))])
    second = support_page.get(LOG, {"tail": first["X-Tail-Cursor"], "category": "registration"})
    assert second.content.decode().count("<tr") == 1


def test_older_pages_do_not_grow(support_page: Client) -> None:
    for _ in range(15):
        take_in([event_of(event) for event in Call().answered()])
    first = body(support_page, f"{LOG}?per_page=25")
    older = first.split("before=")[1].split('"')[0].split("&")[0]
    html = body(support_page, f"{LOG}?per_page=25&before={older}")
    assert "data-tail-cursor" not in html
    assert "Back to the newest" in html


def test_a_strangers_tail_is_refused(stranger_page: Client) -> None:
    assert stranger_page.get(LOG, {"tail": "x"}).status_code in {302, 401}


@pytest.fixture
def letter() -> DeadLetter:
    return DeadLetter.objects.create(
        event_id="sw1:x:attempt:0", body=line(Call().attempt_event()), error="ValueError: a <bug>", failures=5
    )


def test_a_dead_letter_is_read_and_retried(operator_page: Client, letter: DeadLetter) -> None:
    page = letter.get_absolute_url()
    assert "a &lt;bug&gt;" in body(operator_page, page)
    operator_page.post(page, {"action": "retry"})
    letter.refresh_from_db()
    assert letter.resolution == "retried"
    assert CDR.objects.count() == 1
    assert LogEntry.objects.filter(reason="dead_letter_retried").count() == 1
    operator_page.post(page, {"action": "retry"})
    assert LogEntry.objects.filter(reason="dead_letter_retried").count() == 1


def test_a_dead_letter_that_fails_again_stays(operator: User, letter: DeadLetter) -> None:
    DeadLetter.objects.update(body="{")
    assert "not JSON" in retry(letter.pk, actor=operator)
    letter.refresh_from_db()
    assert (letter.resolution, letter.failures) == ("", 6)


def test_a_dead_letter_is_discarded_and_keeps_its_text(operator_page: Client, letter: DeadLetter) -> None:
    operator_page.post(letter.get_absolute_url(), {"action": "discard"})
    letter.refresh_from_db()
    assert (letter.resolution, letter.resolved_by) == ("discarded", "olga")
    assert letter.body
    text = body(operator_page, letter.get_absolute_url())
    assert "Retry" in text and 'value="discard"' not in text, "it may still be retried, and is discarded once"


def test_many_dead_letters_are_retried_at_once(operator_page: Client, letter: DeadLetter) -> None:
    """After the cause is mended; who fails again stays, who was resolved is left alone."""
    broken = DeadLetter.objects.create(event_id="", body="{", error="not JSON", failures=1)
    done = DeadLetter.objects.create(event_id="", body="{", error="not JSON", failures=1, resolution="discarded")
    chosen = {"action": "retry", "all": "yes"}
    page = reverse("syslog:deadletter_list")
    assert "3" in operator_page.post(page, chosen).content.decode()
    answer = operator_page.post(page, {**chosen, "confirmed": "yes"}, follow=True).content.decode()
    assert "1 of 2 open dead letters were taken in; 1 failed again." in answer
    states = {each.pk: each.resolution for each in DeadLetter.objects.all()}
    assert states == {letter.pk: "retried", broken.pk: "", done.pk: "discarded"}
    assert CDR.objects.count() == 1


def test_an_end_with_an_unreadable_time_is_taken_in_and_told(db: None) -> None:
    call = Call()
    ended = call.end(answered="soon", rang="NaN")
    assert not take_in([event_of(event) for event in (call.attempt_event(), ended)]).failed
    assert CDR.objects.get().reason == "completed"
    told = LogEntry.objects.filter(reason="unreadable_time").order_by("id")
    assert [entry.attempt_id for entry in told] == [CDR.objects.get().attempt_id] * 2
    assert "'answered' of the event end: 'soon'" in " ".join(entry.message for entry in told)


def test_support_reads_dead_letters_and_touches_none(support_page: Client, letter: DeadLetter) -> None:
    page = letter.get_absolute_url()
    assert "Discard" not in body(support_page, page)
    answer: Any = support_page.post(page, {"action": "discard"})
    assert answer.status_code == 403
    letter.refresh_from_db()
    assert letter.resolution == ""
