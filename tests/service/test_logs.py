"""The log as an operator reads it: every line parses, no secret and nobody's words are in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from bot.service import logs
from bot.service.metrics import Metrics

# Made up, in the shapes that the services document; put together so that no scanner takes them for real.
DISCORD = "MTA4NzY1NDMyMTA5ODc2NTQzMg" + "." + "GabcdE" + "." + "abcdefghijklmnopqrstuvwxyz0123456789ab"
TOKEN = "aW50ZXJhY3Rpb246" + "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA6" + "abcdefghijklmnop"
SECRETS = {
    "a Slack bot token": ("xoxb-" + "123-456-AbCdEf", "token {}"),
    "a Slack user token": ("xoxp-" + "123-456-AbCdEf", "token={}&channel=C1"),
    "a rotated Slack token": ("xoxe.xoxb-1-" + "MS0yLUFiQ2RFZg", "'{}'"),
    "a Slack app token": ("xapp-1-A0123-456-" + "deadbeef", '"{}"'),
    "an Anthropic key": ("sk-ant-api03-" + "Ab_Cd-Ef", "x-api-key: {}"),
    "another server's key": ("plain-and-short", "x-api-key: {}"),
    "another server's key in a dict": ("plain-and-short", "{{'x-api-key': '{}', 'a': 1}}"),
    "a Discord token": (DISCORD, "Bot {}"),
    "a Discord token alone": (DISCORD, "({})"),
    "a bearer header": ("Q1w2e3r4", "Authorization: Bearer {}"),
    "a bearer header in small letters": ("Q1w2e3r4", "{{'authorization': 'bearer {}'}}"),
    "a bot header": ("abcdefghijklmnopqrst", "'Authorization': 'Bot {}'"),
    "an interaction's webhook": (
        TOKEN,
        "PATCH https://discord.com/api/v10/webhooks/123/{}/messages/@original",
    ),
    "an interaction's callback": (TOKEN, "POST http://127.0.0.1:1/api/v10/interactions/123/{}/callback"),
    "a response_url": ("T01/123/AbCdEf", "https://hooks.slack.com/commands/{} did not answer"),
    "an action's response_url": ("T01/123/AbCdEf", "https://hooks.slack.com/actions/{}"),
    "an incoming webhook": ("T01/B01/AbCdEf", "https://hooks.slack.com/services/{}"),
    "a socket's ticket": ("abc-123.def", "wss://wss-primary.slack.com/link/?ticket={}&app_id=1"),
    "a password in an address": ("bot:hunter2", "postgresql://{}@db/inkstream"),
}
PRIVATE = "my very private question"

Read = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Logging is global: put it back."""
    root = logging.getLogger()
    names = ("", "httpx2", "aiohttp.access", "alembic", "sqlalchemy", *logs._NEVER_DEBUG)
    levels = {name: logging.getLogger(name).level for name in names}
    handlers, hidden = root.handlers[:], set(logs._hidden)
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logs._hidden.clear()
    logs._hidden.update(hidden)


@pytest.fixture
def read(capsys: pytest.CaptureFixture[str]) -> Read:
    """The lines logged so far, as a machine reads them. The test configures: a fixture's stderr is another one."""

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    return lines


log = logging.getLogger("bot.somewhere")


def test_an_event_and_its_fields_are_one_line_of_json(read: Read) -> None:
    logs.configure("json", "DEBUG")
    log.info(
        "reply.ended", extra={"reply": "abc", "characters": 12, "share": 0.5, "live": True, "code": None}
    )
    [line] = read()
    timestamp = line.pop("timestamp")
    assert timestamp.endswith("Z")
    assert line == {
        "event": "reply.ended",
        "level": "info",
        "logger": "bot.somewhere",
        "reply": "abc",
        "characters": 12,
        "share": 0.5,
        "live": True,
        "code": None,
    }


def test_what_is_not_shown_is_counted_all_the_same(read: Read) -> None:
    """LOG_LEVEL=WARNING is about lines, not about /metrics."""
    logs.configure("json", "WARNING")
    metrics = Metrics(lambda: ({}, False, {}))
    logging.getLogger().addHandler(metrics)
    log.info("reply.settled", extra={"outcome": "shown"})
    log.warning("status.slow")
    assert [line["event"] for line in read()] == ["status.slow"]
    assert 'event="reply.settled"' in metrics.page().decode()


def test_what_json_has_no_word_for_becomes_text(read: Read) -> None:
    logs.configure("json", "DEBUG")
    log.info("odd", extra={"where": {"a": [1, {"b"}, object()], 2: b"x"}, "lines": "one\ntwo", "nan": 1e999})
    [line] = read()
    assert line["where"]["a"][:2] == [1, ["b"]]
    assert line["where"]["2"] == "b'x'"
    assert line["lines"] == "one\ntwo"
    assert line["nan"] == "inf", "JSON has no infinity"


@pytest.mark.parametrize("style", ["console", "json"])
@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret_leaves(style: Any, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Law 9: wherever it stands: in the event, an argument, a field, deep within one, an object, an exception."""
    secret, sentence = SECRETS[kind]
    told = sentence.format(secret)
    logs.configure(style, "DEBUG")
    log.info(told)
    log.info("asked %s", told)
    log.info("asked", extra={"url": told, "deep": {told: [{"a": (told, told.encode())}]}})
    log.info("asked", extra={"error": ValueError(told)})
    group = ExceptionGroup(told, [ValueError(told)])
    group.__cause__ = OSError(told)
    log.error(told, exc_info=group)
    said = capsys.readouterr().err
    assert said.count("***") >= 9
    assert secret not in said
    # The last part of a token that was cut in two would be enough to know it by.
    assert secret[len(secret) // 2 :] not in said
    if style == "json":
        assert len([json.loads(line) for line in said.splitlines()]) == 5


def test_a_secret_of_the_settings_is_known_by_its_value(read: Read) -> None:
    """Whatever its shape: other servers make up their own."""
    logs.configure("json", "DEBUG")
    logs.hide(["a1b2c3d4e5f6", "short", ""])
    log.info("signed with a1b2c3d4e5f6", extra={"secret": "(a1b2c3d4e5f6)", "word": "short"})
    [line] = read()
    assert line["event"] == "signed with ***"
    assert (line["secret"], line["word"]) == ("(***)", "short")


def test_ordinary_words_are_left_alone(read: Read) -> None:
    logs.configure("json", "DEBUG")
    words = "the bot answered 1700000000.123456 in C0123ABCD; request req_011CSabc; https://slack.com/api/chat.update"
    log.info(words, extra={"key": "message:C1:1700000000.123456"})
    [line] = read()
    assert (line["event"], line["key"]) == (words, "message:C1:1700000000.123456")


def test_a_long_line_is_cut(read: Read) -> None:
    """Other libraries log whole bodies."""
    logs.configure("json", "DEBUG")
    log.info("x" * 100_000, extra={"body": "y" * 100_000})
    [line] = read()
    assert len(line["event"]) < 600
    assert len(line["body"]) < 600


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_traceback_says_where_without_local_variables(
    style: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(style, "INFO")

    def handle(question: str) -> None:
        kept = question.upper()
        raise ZeroDivisionError(f"in the third part\n{kept}")

    try:
        handle(PRIVATE)
    except ZeroDivisionError:
        log.exception("question.failed")
    said = capsys.readouterr().err
    assert "test_logs.py" in said
    assert "in handle" in said
    assert "ZeroDivisionError: in the third part" in said
    assert PRIVATE not in said
    assert PRIVATE.upper() not in said


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_databases_error_does_not_tell_what_people_said(
    style: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQLAlchemy's own words hold the statement and its values."""
    logs.configure(style, "DEBUG")
    engine = create_engine("sqlite://")
    with engine.connect() as connection, pytest.raises(SQLAlchemyError) as caught:
        connection.execute(text("insert into nowhere values (:said)"), {"said": PRIVATE})
    assert PRIVATE in str(caught.value)
    log.error("database.failed", exc_info=caught.value)
    outer = RuntimeError("not written")
    outer.__cause__ = caught.value
    log.error("journal.not_written", exc_info=outer)
    engine.dispose()
    said = capsys.readouterr().err
    assert "OperationalError) no such table: nowhere" in said
    assert "RuntimeError: not written" in said
    assert PRIVATE not in said


def test_no_library_logs_bodies_at_debug(read: Read) -> None:
    logs.configure("json", "DEBUG")
    for name in logs._NEVER_DEBUG:
        logging.getLogger(name).debug(PRIVATE)
        logging.getLogger(f"{name}.deeper").debug(PRIVATE)
    for name in ("httpx2", "aiohttp.access", "sqlalchemy.engine.Engine", "slack_bolt.App"):
        logging.getLogger(name).info(PRIVATE)
    assert read() == []


def test_causes_and_groups_are_told_once_each(read: Read) -> None:
    """Also where an exception is its own context."""
    logs.configure("json", "DEBUG")
    first = ValueError("the first")
    second = KeyError("the second")
    first.__context__, second.__context__ = second, first
    log.error("task.failed", exc_info=ExceptionGroup("several", [first, second]))
    [line] = read()
    assert line["exception"].count("ValueError: the first") == 1
    assert line["exception"].count("KeyError: 'the second'") == 1
    assert "ExceptionGroup: several" in line["exception"]
