"""Logs as events with fields, for people or for machines. Law: no secrets and nobody's words.

Every module logs through the standard library: an event's name as the message ("reply.ended") and its fields in
`extra`. Fields are ids, codes, counts and times. What comes from other libraries passes the same door: it is cut to
a line's length and known token shapes are taken out.
"""

from __future__ import annotations

import io
import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

# Slack (xoxb-, xapp-, xoxe.), Anthropic (sk-ant-), Discord (three dotted parts), bearer headers, passwords in URLs,
# Discord's interaction tokens in webhook paths.
_SECRET = re.compile(
    r"xox[a-z]?[-.][\w.-]+|xapp-[\w-]+|sk-ant-[\w-]+|[\w-]{23,28}\.[\w-]{6}\.[\w-]{27,}"
    r"|(?<=Bearer )\S+|(?<=Bot )[\w.-]{20,}|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)|(?<=/webhooks/)\d+/[\w.-]{20,}"
    r"|(?<=ticket=)[\w.-]+"
)
_LONGEST = 500
# These log request and message bodies at DEBUG.
_NEVER_DEBUG = (
    "discord.http",
    "discord.gateway",
    "discord.webhook.async_",
    "slack_sdk",
    "slack_bolt",
    "anthropic",
)


def configure(style: Literal["console", "json"], level: str) -> None:
    """Set the root logger up; called once, before anything else logs."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=style == "json"),
        _scrub,
    ]
    last: list[Any]
    if style == "json":
        last = [structlog.processors.format_exc_info, _scrub, structlog.processors.JSONRenderer()]
    else:
        last = [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_plain_traceback)
        ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _NEVER_DEBUG:
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    # Each request at INFO is noise for a bot that edits all day.
    for name in ("httpx2", "aiohttp.access", "slack_bolt", "slack_sdk", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def scrub(text: str) -> str:
    """Known secrets taken out, and cut to a line's length."""
    cleaned = _SECRET.sub("***", text)
    return cleaned if len(cleaned) <= _LONGEST else cleaned[:_LONGEST] + "…"


def _scrub(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _SECRET.sub("***", value) if name == "exception" else scrub(value)
    return event


def _plain_traceback(sio: Any, exc_info: Any) -> None:
    """Without local variables, which hold people's words; and scrubbed like all else."""
    buffer = io.StringIO()
    traceback.print_exception(*exc_info, file=buffer)
    sio.write("\n" + _SECRET.sub("***", buffer.getvalue().rstrip()))
