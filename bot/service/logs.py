"""Logs as events with fields, for people or for machines. Law: no secrets and nobody's words.

Every module logs through the standard library: an event's name as the message ("reply.ended") and its fields in
`extra`. Fields are ids, codes, counts and times. What comes from other libraries passes the same door: it is cut to
a line's length, and tokens are taken out, by their shape and, for those of the settings, by their value. A traceback
says where and what kind, with one line of the error's own text: a database's error, say, holds whole questions in the
others.
"""

from __future__ import annotations

import logging
import math
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Literal, TextIO

import structlog

# Slack (xoxb-, xoxe.xoxp-, xapp-), Anthropic (sk-ant-), Discord (three dotted parts), headers, passwords in URLs,
# Discord's interaction tokens in paths, Slack's response_urls, tickets of a Socket Mode address.
_SECRET = re.compile(
    r"xox[a-z]?[-.][\w.-]+|xapp-[\w-]+|sk-ant-[\w-]+|[\w-]{23,28}\.[\w-]{6}\.[\w-]{27,}"
    r"|(?i:(?<=bearer ))[\w.~+/=-]+|(?i:(?<=bot )|(?<=basic ))[\w.~+/=-]{16,}"
    r"|(?i:(?<=x-api-key: )|(?<=x-api-key': ')|(?<=x-api-key\": \")|(?<=x-slack-signature: ))[^\s'\"]+"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
    r"|(?<=/webhooks/)\d+/[\w.-]{20,}|(?<=/interactions/)\d+/[\w.-]{20,}"
    r"|(?<=/commands/)T\w+/[\w/-]+|(?<=/actions/)T\w+/[\w/-]+|(?<=/services/)T\w+/[\w/-]+"
    r"|(?<=ticket=)[\w.-]+"
)
_LONGEST = 500
_LONGEST_REASON = 200  # of an error's own text
_DEEPEST = 4  # of nested fields
# These log request and message bodies at DEBUG.
_NEVER_DEBUG = (
    "discord.http",
    "discord.gateway",
    "discord.webhook.async_",
    "slack_sdk",
    "slack_bolt",
    "anthropic",
)
_hidden: set[str] = set()


def hide(secrets: Iterable[str]) -> None:
    """Never log these, whatever their shape. Very short ones (a test's "x") would only blacken the logs."""
    _hidden.update(secret for secret in secrets if len(secret) >= 8)


def configure(style: Literal["console", "json"], level: str) -> None:
    """Set the root logger up; called once, before anything else logs. What is not shown is counted all the same."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=style == "json"),
        _scrub_fields,
    ]
    last: list[Any]
    if style == "json":
        last = [structlog.processors.ExceptionRenderer(_traceback), structlog.processors.JSONRenderer()]
    else:
        last = [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_write_traceback)
        ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    handler.setLevel(level)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(min(handler.level, logging.INFO))
    for name in _NEVER_DEBUG:
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    # Each request at INFO is noise for a bot that edits all day; a database's statements hold what people said.
    for name in ("httpx2", "aiohttp.access", "slack_bolt", "slack_sdk", "alembic", "sqlalchemy"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def scrub(text: str) -> str:
    """Known secrets taken out, and cut to a line's length."""
    return _cut(_clean(text), _LONGEST)


def _clean(text: str) -> str:
    for secret in _hidden:
        text = text.replace(secret, "***")
    return _SECRET.sub("***", text)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest] + "…"


def _scrub_fields(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if name != "exc_info" and not name.startswith("_"):
            event[name] = _plain(value, _DEEPEST)
    return event


def _plain(value: Any, depth: int) -> Any:
    """A field as JSON has it, scrubbed all the way down; what JSON has no word for becomes text."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, Mapping) and depth:
        return {scrub(str(key)): _plain(inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth:
        return [_plain(inner, depth - 1) for inner in value]
    return scrub(value if isinstance(value, str) else repr(value))


ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def _traceback(exc_info: ExcInfo) -> str:
    """Where it came from: no local variables, which hold people's words, and of each error one line."""
    return "\n".join(_told(exc_info[1], set()))


def _write_traceback(out: TextIO, exc_info: ExcInfo) -> None:
    out.write("\n" + _traceback(exc_info))


def _told(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and id(cause) not in seen:
        yield from _told(cause, seen)
        yield "and then:"
    yield "Traceback (most recent call last):"
    for line in traceback.format_tb(error.__traceback__):
        yield _clean(line.rstrip("\n"))
    reason = _cut(_clean(next(iter(str(error).splitlines()), "")), _LONGEST_REASON)
    yield f"{type(error).__qualname__}: {reason}" if reason else type(error).__qualname__
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            if id(inner) not in seen:
                yield from ("  | " + line for line in _told(inner, seen))
