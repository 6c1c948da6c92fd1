"""/metrics as Prometheus reads it: counts what was logged, and nothing of anybody."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bot.claude.events import Usage
from bot.ports import Health
from bot.reply.outbox import Snapshot
from bot.reply.pacing import Gauge
from bot.service.metrics import _MOST, Metrics
from tests.service.counted import Sample, sample, samples

ROOT = Path(__file__).parents[2]


class Watched:
    """A log that is counted, and what stands in the bot."""

    def __init__(self) -> None:
        self.healths: dict[str, Health] = {}
        self.draining = False
        self.outboxes: dict[str, Snapshot] = {}
        self.metrics = Metrics(lambda: (self.healths, self.draining, self.outboxes))
        self.log = logging.getLogger(f"bot.watched.{uuid.uuid4().hex}")
        self.log.setLevel(logging.DEBUG)
        self.log.propagate = False
        self.log.addHandler(self.metrics)

    @property
    def page(self) -> str:
        return self.metrics.page().decode()

    @property
    def counted(self) -> dict[Sample, float]:
        return samples(self.page)


@pytest.fixture
def watched() -> Iterator[Watched]:
    made = Watched()
    yield made
    made.log.removeHandler(made.metrics)


def test_an_event_is_counted_by_its_name_and_by_the_way_it_went(watched: Watched) -> None:
    for outcome in ("shown", "shown", "gone"):
        watched.log.info("reply.settled", extra={"reply": "r1", "outcome": outcome, "code": ""})
    watched.log.warning("status.slow", extra={"platform": "slack"})
    counted = watched.counted
    settled = {"event": "reply.settled", "level": "info"}
    assert counted[sample("inkstream_events_total", **settled, way="shown")] == 2.0
    assert counted[sample("inkstream_events_total", **settled, way="gone")] == 1.0
    slow = {"event": "status.slow", "level": "warning", "platform": "slack"}
    assert counted[sample("inkstream_events_total", **slow)] == 1.0


def test_neither_ids_nor_anybodys_words_become_labels(watched: Watched) -> None:
    """Where a field that is a word as a rule holds a sentence, it is left out."""
    secret = "what my doctor said"
    watched.log.info("question.taken", extra={"key": "slack:T1:1700.1", "how": secret, "reply": "r-4711"})
    watched.log.error("%s went wrong", secret)
    watched.log.error(secret)
    page = watched.page
    for word in ("doctor", "4711", "1700"):
        assert word not in page
    assert samples(page)[sample("inkstream_events_total", event="question.taken", level="info")] == 1.0
    assert samples(page)[sample("inkstream_events_total", event=watched.log.name, level="error")] == 2.0


def test_what_a_library_logs_is_not_rendered(watched: Watched) -> None:
    """It is for the log to say it, with secrets taken out."""

    class Loud:
        def __str__(self) -> str:
            raise AssertionError("rendered")

    said = {"name": "library.part", "levelname": "WARNING", "kind": "doctor", "platform": "doctor"}
    for message, values in (("a.b %s", (Loud(),)), ("reply.settled", ())):
        watched.metrics.handle(logging.makeLogRecord(said | {"msg": message, "args": values}))
    assert watched.counted[sample("inkstream_events_total", event="library.part", level="warning")] == 2.0


def test_details_below_info_are_not_counted(watched: Watched) -> None:
    watched.log.debug("reply.detail")
    assert "reply.detail" not in watched.page


def test_how_long_people_waited_is_a_histogram(watched: Watched) -> None:
    for first, last in ((0.4, 0.05), (0.9, 0.3), (12.0, 3.0)):
        watched.log.info(
            "reply.seen", extra={"reply": "r", "platform": "slack", "first_words": first, "last_edit": last}
        )
    counted = watched.counted
    words, edit = "inkstream_first_words_seconds", "inkstream_last_edit_seconds"
    assert counted[sample(f"{words}_bucket", platform="slack", le="1.0")] == 2.0
    assert counted[sample(f"{words}_count", platform="slack")] == 3.0
    assert counted[sample(f"{words}_sum", platform="slack")] == pytest.approx(13.3)
    assert counted[sample(f"{edit}_bucket", platform="slack", le="0.1")] == 1.0
    assert counted[sample(f"{edit}_bucket", platform="slack", le="0.5")] == 2.0


def test_claudes_tokens_are_summed(watched: Watched) -> None:
    for _ in range(2):
        usage = Usage(tokens_in=10, tokens_out=200, cache_read=3, cache_written=0)
        fields = {name: getattr(usage, name) for name in Usage.__slots__}
        watched.log.info("reply.ended", extra={"turn": "whole", **fields})
    counted = watched.counted
    assert counted[sample("inkstream_claude_tokens_total", kind="tokens_in")] == 20.0
    assert counted[sample("inkstream_claude_tokens_total", kind="tokens_out")] == 400.0
    assert counted[sample("inkstream_claude_tokens_total", kind="cache_read")] == 6.0


def test_an_event_that_lacks_what_it_should_say_costs_its_logger_nothing(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply that logged it goes on; the standard library tells of the fault on stderr."""
    failed: list[logging.LogRecord] = []
    monkeypatch.setattr(watched.metrics, "handleError", failed.append)
    watched.log.info("reply.seen")
    watched.log.info("reply.settled", extra={"outcome": "shown"})
    assert [record.msg for record in failed] == ["reply.seen"]
    assert watched.counted[
        sample("inkstream_events_total", event="reply.settled", level="info", way="shown")
    ] == 1.0  # fmt: skip


def test_labels_do_not_grow_without_end(watched: Watched) -> None:
    """Whatever somebody logs one day: what comes on top of a thousand kinds is one kind."""
    for number in range(_MOST + 50):
        watched.log.info("reply.settled", extra={"outcome": f"way{number}"})
    counted = [value for (name, _), value in watched.counted.items() if name == "inkstream_events_total"]
    assert len(counted) == _MOST + 1
    assert sum(counted) == _MOST + 50
    assert watched.counted[sample("inkstream_events_total", event="other", level="info")] == 50.0


def test_what_stands_now_is_asked_for_when_somebody_looks(watched: Watched) -> None:
    quiet = Gauge("T1:chat.postMessage", tokens=30.0, limit=30, rate=5.0, refusals=0, waiting=0)
    spent = Gauge("T1:chat.update", tokens=2.5, limit=10, rate=0.8, refusals=1, waiting=7)
    lower = Gauge("T2:chat.update", tokens=10.0, limit=10, rate=0.3, refusals=1, waiting=1)
    watched.healths = {"slack": Health(ready=True), "discord": Health(ready=False)}
    watched.outboxes = {"slack": Snapshot((quiet, spent, lower), live=8, unseen=1234)}
    counted = watched.counted
    assert counted[sample("inkstream_platform_ready", platform="slack")] == 1.0
    assert counted[sample("inkstream_platform_ready", platform="discord")] == 0.0
    assert counted[sample("inkstream_draining")] == 0.0
    assert counted[sample("inkstream_replies", platform="slack")] == 8.0
    assert counted[sample("inkstream_unseen_characters", platform="slack")] == 1234.0
    left = {
        dict(labels)["budget"]: value for (name, labels), value in counted.items() if "calls_left" in name
    }
    assert left == {"T1:chat.update": 2.5, "T2:chat.update": 10.0}, "those that are not at rest"
    assert counted[sample("inkstream_budget_waiting", platform="slack", budget="T1:chat.update")] == 7.0
    assert counted[sample("inkstream_budget_refusals", platform="slack", budget="T1:chat.update")] == 1.0
    assert counted[sample("inkstream_budget_rate", platform="slack", budget="T2:chat.update")] == 0.3
    watched.draining = True
    assert watched.counted[sample("inkstream_draining")] == 1.0


def test_the_process_itself_is_told_of(watched: Watched) -> None:
    """Memory and open files, by the names that every dashboard knows."""
    counted = watched.counted
    assert counted[sample("process_resident_memory_bytes")] > 1e6
    assert counted[sample("process_open_fds")] > 0


def test_the_alerts_ask_for_what_there_is(watched: Watched) -> None:
    """A misspelt metric or event would be quiet for ever."""
    watched.healths = {"slack": Health(ready=True)}
    fields = {"platform": "slack", "first_words": 1.0, "last_edit": 1.0}
    watched.log.info("reply.seen", extra=fields)
    known = {name for name, _ in watched.counted}
    [group] = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text())["groups"]
    asked = " ".join(rule["expr"] for rule in group["rules"])
    metrics = set(re.findall(r"\binkstream_\w+", asked))
    assert len(metrics) == 4
    assert metrics <= known
    sources = "".join(path.read_text() for path in (ROOT / "bot").rglob("*.py"))
    events = re.findall(r'event="([^"]+)"', asked)
    assert events
    assert [event for event in events if f'"{event}"' not in sources] == []
    for rule in group["rules"]:
        told = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert told <= set(re.findall(r"\w+", "".join(re.findall(r"by \(([^)]*)\)", rule["expr"])))), rule[
            "alert"
        ]
