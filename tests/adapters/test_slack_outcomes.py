"""What Slack's answers mean, as literal tables."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from slack_sdk.errors import SlackApiError

from adapters.slack.outcomes import (
    DEFAULT_RETRY,
    DENIED,
    GONE,
    REFUSED,
    REJECTED,
    UNSURE,
    Failure,
    failure,
    outcome,
    seconds,
)
from bot.ports import Denied, Gone, Outcome, Refused, Rejected, Unavailable


class Answered:
    """Shaped as the SDK's response object."""

    def __init__(self, status: int, data: Any, headers: dict[str, str] | None = None) -> None:
        self.status_code = status
        self.data = data
        self.headers = headers or {}


def api_error(response: object) -> SlackApiError:
    return SlackApiError("secret words", response)  # type: ignore[no-untyped-call]  # the SDK's own gap


def judged(status: int, data: Any, headers: dict[str, str] | None = None) -> Outcome:
    return outcome(failure(api_error(Answered(status, data, headers))), bucket="T1:chat.update")


@pytest.mark.parametrize(
    ("status", "data", "headers", "expected"),
    [
        # A refusal, however it is said.
        (429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "7"}, Refused(7.0, "T1:chat.update")),
        (429, {}, {"Retry-After": "3"}, Refused(3.0, "T1:chat.update")),
        (429, "Too Many Requests", {"Retry-After": "2"}, Refused(2.0, "T1:chat.update")),
        (429, None, {}, Refused(DEFAULT_RETRY, "T1:chat.update")),
        (429, {}, {"Retry-After": "soon"}, Refused(DEFAULT_RETRY, "T1:chat.update")),
        (429, {}, {"Retry-After": "-1"}, Refused(DEFAULT_RETRY, "T1:chat.update")),
        (429, {}, {"Retry-After": "nan"}, Refused(DEFAULT_RETRY, "T1:chat.update")),
        (200, {"ok": False, "error": "ratelimited"}, {}, Refused(DEFAULT_RETRY, "T1:chat.update")),
        (200, {"ok": False, "error": "rate_limited"}, {"Retry-After": "4"}, Refused(4.0, "T1:chat.update")),
        # The end of a message, of a permission, of a content.
        (200, {"ok": False, "error": "message_not_found"}, {}, Gone("message_not_found")),
        (200, {"ok": False, "error": "channel_not_found"}, {}, Denied("channel_not_found")),
        (200, {"ok": False, "error": "not_in_channel"}, {}, Denied("not_in_channel")),
        (200, {"ok": False, "error": "is_archived"}, {}, Denied("is_archived")),
        (200, {"ok": False, "error": "restricted_action"}, {}, Denied("restricted_action")),
        (200, {"ok": False, "error": "invalid_auth"}, {}, Denied("invalid_auth")),
        (401, {"ok": False, "error": "token_revoked"}, {}, Denied("token_revoked")),
        (200, {"ok": False, "error": "missing_scope"}, {}, Denied("missing_scope")),
        (200, {"ok": False, "error": "invalid_blocks"}, {}, Rejected("invalid_blocks")),
        (200, {"ok": False, "error": "msg_too_long"}, {}, Rejected("msg_too_long")),
        (200, {"ok": False, "error": "no_text"}, {}, Rejected("no_text")),
        # Slack's own faults may have been applied; a code that nobody has met was not.
        (500, {}, {}, Unavailable("http_500", None)),
        (503, "upstream", {"Retry-After": "9"}, Unavailable("http_503", None, 9.0)),
        (200, {"ok": False, "error": "internal_error"}, {}, Unavailable("internal_error", None)),
        (200, {"ok": False, "error": "fatal_error"}, {}, Unavailable("fatal_error", None)),
        (503, {"ok": False, "error": "service_unavailable"}, {}, Unavailable("service_unavailable", None)),
        (200, {"ok": False, "error": "quite_new"}, {}, Unavailable("quite_new", False)),
        (200, {"ok": False}, {}, Unavailable("http_200", None)),
        (200, {"ok": False, "error": ["odd"]}, {}, Unavailable("http_200", False)),
        (200, b"\x00", {}, Unavailable("http_200", None)),
        (404, "<html>", {}, Unavailable("http_404", None)),
    ],
)
def test_every_answer_has_one_meaning(
    status: int, data: Any, headers: dict[str, str], expected: Outcome
) -> None:
    """Outcomes are data, read off one table."""
    assert judged(status, data, headers) == expected


def test_a_body_that_is_no_json_is_read_by_its_status() -> None:
    """The SDK then hands over aiohttp's response, which names its status otherwise."""

    class Raw:
        status = 429
        headers: dict[str, str] = {"Retry-After": "6"}  # noqa: RUF012  a stand-in

    assert outcome(failure(api_error(Raw())), bucket="b") == Refused(6.0, "b")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        # Surely not sent: a post may simply be repeated.
        (
            aiohttp.ClientConnectorError(
                ConnectionKey("127.0.0.1", 1, False, True, None, None, None), OSError(111, "refused")
            ),
            Unavailable("not_connected", False),
        ),
        (aiohttp.ConnectionTimeoutError(), Unavailable("not_connected", False)),
        # It may have happened: only `find` can tell.
        (aiohttp.SocketTimeoutError(), Unavailable("timeout", None)),
        (TimeoutError(), Unavailable("timeout", None)),
        (aiohttp.ServerDisconnectedError(), Unavailable("connection_lost", None)),
        (aiohttp.ClientOSError(104, "reset"), Unavailable("connection_lost", None)),
        (aiohttp.ClientPayloadError(), Unavailable("connection_lost", None)),
        (ConnectionResetError(), Unavailable("connection_lost", None)),
        # What the SDK makes of a body that is JSON, but no object, or no text.
        (AttributeError("'list' object has no attribute 'get'"), Unavailable("not_an_answer", None)),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, ""), Unavailable("not_an_answer", None)),
    ],
)
def test_only_a_connection_that_never_was_is_surely_unsent(error: Exception, expected: Outcome) -> None:
    """`applied=False` is a promise: a post repeated after it cannot appear twice."""
    assert outcome(failure(error), bucket="b") == expected


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ("1", 1.0),
        ("30", 30.0),
        ("1.5", 1.5),
        ("0", 1.0),
        ("999999", 3600.0),
        ("inf", None),
        ("", None),
        (None, None),
    ],
)
def test_a_retry_after_is_a_sane_length_or_nothing(header: str | None, length: float | None) -> None:
    """Neither a loop nor a week."""
    assert seconds(header) == length


def test_no_code_has_two_meanings() -> None:
    """The sets of the table are disjoint, so that their order in the code does not matter."""
    sets = [REFUSED, GONE, DENIED, REJECTED, UNSURE]
    assert sum(len(codes) for codes in sets) == len(frozenset[str]().union(*sets))


def test_a_failure_never_carries_the_words_of_an_exception() -> None:
    """SlackApiError's text holds the whole answer: only the code leaves."""
    failed = failure(api_error(Answered(200, {"ok": False, "error": "x" * 500})))
    assert "secret" not in repr(failed)
    assert failed == Failure(200, "x" * 60, None, applied=False)
