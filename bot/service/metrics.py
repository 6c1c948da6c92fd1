"""/metrics for Prometheus. Law: what is logged is what is counted; a label's values are few, and never anybody's words.

An event of the log is counted by its name, and by those of its fields whose values are a handful of words. Ids, times and
sentences become no labels: two of the times are histograms, and Claude's tokens are summed. What stands now (live replies,
unseen text, budgets that are not at rest) is asked for when somebody looks.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from bot.ports import Health
from bot.reply.outbox import Snapshot

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

# "reply.settled": an event of ours. Anything else (a library's line, a sentence) is counted by its logger.
_EVENT: Final = re.compile(r"[a-z_]+(?:\.[a-z_]+)+")
# The field that says which of the few ways of an event it was; the first that it has.
_WAYS: Final = (
    "outcome",
    "turn",
    "kind",
    "why",
    "how",
    "control",
    "verdict",
    "op",
    "verb",
    "deed",
    "part",
    "step",
)
_WORD: Final = re.compile(r"\w{1,40}")
# Labels that differ, at most: far more than there are today, and a bound for a process that runs for months.
_MOST: Final = 1000

_FIRST_WORDS: Final = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0, 80.0)
_LAST_EDIT: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0)

# By the field of a `Gauge`.
_OF_A_BUDGET: Final = {
    "tokens": ("inkstream_budget_calls_left", "Calls that may leave now."),
    "rate": ("inkstream_budget_rate", "Calls a second, as assumed or learned."),
    "waiting": ("inkstream_budget_waiting", "Messages that wait for a call."),
    "refusals": ("inkstream_budget_refusals", "Calls that it has refused since it was first used."),
}

Ask = Callable[[], tuple[Mapping[str, Health], bool, Mapping[str, Snapshot]]]


class Metrics(logging.Handler):
    """Counts what passes through the log once it is added to the root logger.

    `ask`: the platforms' health by name, whether the bot is draining, and what stands in the outboxes.
    """

    def __init__(self, ask: Ask) -> None:
        super().__init__(logging.INFO)
        # Of each counter, when its first call came: twice the page, and nobody asks.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library has not typed this one
        self._registry = CollectorRegistry()
        self._seen: set[tuple[str, ...]] = set()
        self._events = Counter(
            "inkstream_events",
            "Events of the log. way: which of its few ways it was, where it has any.",
            ("event", "level", "platform", "way"),
            registry=self._registry,
        )
        self._first_words = Histogram(
            "inkstream_first_words_seconds",
            "From the beginning of an answer until people could read its first words.",
            ("platform",),
            buckets=_FIRST_WORDS,
            registry=self._registry,
        )
        self._last_edit = Histogram(
            "inkstream_last_edit_seconds",
            "From Claude's end of an answer until people could read all of it.",
            ("platform",),
            buckets=_LAST_EDIT,
            registry=self._registry,
        )
        self._tokens = Counter(
            "inkstream_claude_tokens",
            "Claude's tokens, as it tells them.",
            ("kind",),
            registry=self._registry,
        )
        self._registry.register(_Now(ask))
        ProcessCollector(registry=self._registry)

    def page(self) -> bytes:
        """All of it, in Prometheus' text format (`CONTENT_TYPE`)."""
        return generate_latest(self._registry)

    def emit(self, record: logging.LogRecord) -> None:
        """Count one event. Whoever logged it is not to suffer where that fails."""
        try:
            self._count(record)
        except Exception:  # noqa: BLE001 (as the standard library's handlers do it)
            self.handleError(record)

    def _count(self, record: logging.LogRecord) -> None:
        """Nothing that a library says is rendered or read: it may hold anything."""
        ours = record.name.startswith("bot.") and _EVENT.fullmatch(str(record.msg)) is not None
        event, fields = (str(record.msg), record.__dict__) if ours else (record.name, {})
        platform = _word(fields.get("platform"))
        way = next((_word(fields[name]) for name in _WAYS if fields.get(name)), "")
        labels = (event, record.levelname.lower(), platform, way)
        if labels not in self._seen:
            if len(self._seen) >= _MOST:
                labels = ("other", record.levelname.lower(), "", "")
            self._seen.add(labels)
        self._events.labels(*labels).inc()
        match event:
            case "reply.seen":
                self._first_words.labels(platform).observe(fields["first_words"])
                self._last_edit.labels(platform).observe(fields["last_edit"])
            case "reply.ended":
                for kind in ("tokens_in", "tokens_out", "cache_read", "cache_written"):
                    self._tokens.labels(kind).inc(fields[kind])


class _Now(Collector):
    """What stands at the moment of the question."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def describe(self) -> Sequence[Metric]:
        """Nobody is asked anything before the first look."""
        return ()

    def collect(self) -> Iterator[Metric]:
        healths, draining, outboxes = self._ask()
        yield GaugeMetricFamily("inkstream_draining", "1 while the bot is ending.", float(draining))
        ready = GaugeMetricFamily(
            "inkstream_platform_ready", "1: people are being heard.", labels=["platform"]
        )
        for name, health in healths.items():
            ready.add_metric([name], float(health.ready))
        yield ready
        live = GaugeMetricFamily(
            "inkstream_replies", "Answers that do not stand yet as they will.", labels=["platform"]
        )
        unseen = GaugeMetricFamily(
            "inkstream_unseen_characters", "Said by Claude and not yet shown.", labels=["platform"]
        )
        for name, outbox in outboxes.items():
            live.add_metric([name], outbox.live)
            unseen.add_metric([name], outbox.unseen)
        yield live
        yield unseen
        yield from _budgets(outboxes)


def _budgets(outboxes: Mapping[str, Snapshot]) -> Iterator[Metric]:
    """Those that are not at rest: a channel has one, and there may be thousands."""
    at_work = [
        (platform, budget)
        for platform, outbox in outboxes.items()
        for budget in outbox.budgets
        if budget.waiting or budget.tokens < budget.limit
    ]
    for field, (name, says) in _OF_A_BUDGET.items():
        family = GaugeMetricFamily(name, says, labels=["platform", "budget"])
        for platform, budget in at_work:
            family.add_metric([platform, budget.key], getattr(budget, field))
        yield family


def _word(value: object) -> str:
    """A field as a label: a word of a program, or nothing."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""
