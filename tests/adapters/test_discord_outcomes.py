"""Every answer becomes exactly one outcome: the table of tests/adapters/test_discord_outcomes.py is the law in rows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from adapters.discord.outcomes import (
    LONGEST_SECONDS,
    UNSAID_SECONDS,
    Blocked,
    Expired,
    Keys,
    Unreferenced,
    read,
)
from adapters.discord.rest import Answer
from bot.ports import Denied, Gone, Ref, Refused, Rejected, Sent, Unavailable

KEYS = Keys("route", everywhere="global", old="old")
WEBHOOK = Keys("interaction")
REF = Ref("10", "20")
VIA = {"Via": "1.1 google"}
BUCKET = {"x-ratelimit-bucket": "abc"}


def answer(status: int, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status=status, body=body, headers=CIMultiDict(headers or {}))


def error(code: int, message: str = "said by Discord") -> dict[str, Any]:
    return {"code": code, "message": message}


def limited(retry_after: float, **more: Any) -> dict[str, Any]:
    return {"message": "You are being rate limited.", "retry_after": retry_after, "global": False, **more}


EDITS = [
    ("taken", answer(200, {"id": "20", "channel_id": "10"}), Sent(REF)),
    ("taken with a body that is not JSON", answer(200), Sent(REF)),
    ("taken, the body cut off", Answer(status=200, failure="cut", applied=True), Sent(REF)),
    ("message deleted", answer(404, error(10008)), Gone("404/10008")),
    ("channel deleted", answer(404, error(10003)), Gone("404/10003")),
    ("not found, without a code", answer(404, error(0)), Unavailable("404", applied=False)),
    ("slow mode", answer(400, error(20016)), Unavailable("400/20016", applied=False)),
    (
        "the channel's limit",
        answer(400, {**error(20028), "retry_after": 3.5}),
        Unavailable("400/20028", applied=False, retry_after=3.5),
    ),
    (
        "an arrow to what takes none",
        answer(400, {**error(50035), "errors": {"message_reference": {"_errors": []}}}),
        Unreferenced("400/50035", whole_channel=False),
    ),
    (
        "an arrow among other things",
        answer(400, {**error(50035), "errors": {"message_reference": {}, "content": {}}}),
        Rejected("400/50035"),
    ),
    ("short of resources", answer(400, error(40062)), Unavailable("400/40062", applied=False)),
    ("a page that says 404", answer(404), Unavailable("404", applied=False)),
    ("no access", answer(403, error(50001)), Denied("403/50001")),
    ("no permission", answer(403, error(50013)), Denied("403/50013")),
    ("takes no direct messages", answer(403, error(50007)), Denied("403/50007")),
    ("thread archived", answer(400, error(50083)), Denied("400/50083")),
    ("thrown out of the server", answer(404, error(10004)), Denied("404/10004")),
    ("forbidden, a code that nobody knows", answer(403, error(99999)), Denied("403/99999")),
    ("the token is refused", answer(401, error(0)), Denied("401")),
    ("a page that says 403", answer(403), Blocked(0.0)),
    ("too long", answer(400, error(50035)), Rejected("400/50035")),
    ("empty", answer(400, error(50006)), Rejected("400/50006")),
    ("bad request, a code that nobody knows", answer(400, error(99999)), Rejected("400/99999")),
    ("too large", answer(413), Rejected("413")),
    ("token of an interaction over", answer(401, error(50027)), Expired("401/50027")),
    ("webhook gone", answer(404, error(10015)), Expired("404/10015")),
    ("may not read the history", answer(403, error(160002)), Unreferenced("403/160002")),
    ("route's budget", answer(429, limited(1.25), VIA), Refused(1.25, "route")),
    (
        "a budget of many bots",
        answer(429, limited(3.0), {**VIA, "X-RateLimit-Scope": "shared"}),
        Refused(3.0, "route"),
    ),
    ("global, by the body", answer(429, limited(0.5, **{"global": True}), VIA), Refused(0.5, "global")),
    (
        "global, by the scope",
        answer(429, limited(0.5), {**VIA, "x-ratelimit-scope": "global"}),
        Refused(0.5, "global"),
    ),
    ("old message, as a 429", answer(429, limited(6.5, code=30046), VIA), Refused(6.5, "old")),
    ("old message, as a 400", answer(400, error(30046)), Refused(2.0, "old")),
    ("no Via, but it names a budget", answer(429, limited(0.7), BUCKET), Refused(0.7, "route")),
    (
        "Discord's own, without a time",
        answer(429, {"message": "You are being rate limited."}, VIA),
        Refused(UNSAID_SECONDS, "route"),
    ),
    (
        "Discord's own, its time only in a header",
        answer(429, {"message": "slow down"}, {**VIA, "Retry-After": "3"}),
        Refused(3.0, "route"),
    ),
    (
        "its time only in the budget's header",
        answer(429, None, {**BUCKET, "X-RateLimit-Reset-After": "1.5"}),
        Refused(1.5, "route"),
    ),
    (
        "everywhere, without a time",
        answer(429, {"global": True}, VIA),
        Refused(UNSAID_SECONDS, "global"),
    ),
    ("a page that passed through a proxy", answer(429, None, VIA), Blocked(0.0)),
    ("neither Via nor budget, but as documented", answer(429, limited(42.0)), Refused(42.0, "route")),
    (
        "the same for everything",
        answer(429, limited(42.0, **{"global": True})),
        Refused(42.0, "global"),
    ),
    (
        "neither Via nor budget nor as documented",
        answer(429, {"message": "You are being blocked from accessing our API", "retry_after": 42.0}),
        Blocked(42.0),
    ),
    ("the edge, in HTML", answer(429), Blocked(0.0)),
    ("the edge, with a time", answer(429, None, {"Retry-After": "77"}), Blocked(77.0)),
    ("a time beyond belief", answer(429, limited(1e9), VIA), Refused(LONGEST_SECONDS, "route")),
    ("a time that is none", answer(429, limited("soon"), VIA), Refused(UNSAID_SECONDS, "route")),  # type: ignore[arg-type]  # on purpose
    ("a negative time", answer(429, limited(-3.0), VIA), Refused(UNSAID_SECONDS, "route")),
    ("server's fault", answer(500, error(0)), Unavailable("500")),
    ("bad gateway, in HTML", answer(502), Unavailable("502")),
    ("away for a while", answer(503, None, {"Retry-After": "5"}), Unavailable("503", None, 5.0)),
    ("slow to take the request", answer(408), Unavailable("408", applied=False)),
    ("sent elsewhere", answer(302), Unavailable("302", applied=False)),
    ("nobody listens", Answer(failure="connect", applied=False), Unavailable("connect", applied=False)),
    ("closed without an answer", Answer(failure="reset"), Unavailable("reset")),
    (
        "refused, the body cut off",
        Answer(status=429, failure="cut", applied=False),
        Unavailable("cut", applied=False),
    ),
]


@pytest.mark.parametrize(("met", "expected"), [row[1:] for row in EDITS], ids=[row[0] for row in EDITS])
def test_an_edit_that_met(met: Answer, expected: object) -> None:
    """What comes back is data, and says which budget refused."""
    assert read(met, KEYS, ref=REF) == expected


POSTS = [
    ("taken", answer(200, {"id": "21", "channel_id": "10"}), Sent(Ref("10", "21"))),
    ("taken, the channel not repeated", answer(200, {"id": "21"}), Sent(Ref("11", "21"))),
    ("taken, but nobody knows as which", answer(200), Unavailable("200 without an id", applied=True)),
    (
        "taken, the body cut off",
        Answer(status=200, failure="cut", applied=True),
        Unavailable("cut", applied=True),
    ),
    ("lost", Answer(failure="reset"), Unavailable("reset", applied=None)),
]


@pytest.mark.parametrize(("met", "expected"), [row[1:] for row in POSTS], ids=[row[0] for row in POSTS])
def test_a_post_that_met(met: Answer, expected: object) -> None:
    """A post is known by its message; whether a lost one was applied is said as far as it is known."""
    assert read(met, KEYS, channel="11") == expected


def test_an_interaction_is_never_refused_by_the_global_budget() -> None:
    """Interaction endpoints are outside the 50 a second, so their refusal names a bucket that they spend."""
    assert read(answer(429, limited(0.5, **{"global": True}), VIA), WEBHOOK, ref=REF) == Refused(
        0.5, "interaction"
    )


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["code", "retry_after", "global", "id", "channel_id", "x"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(
    status=st.integers(200, 599),
    body=json_like,
    headers=st.dictionaries(
        st.sampled_from(["Via", "Retry-After", "X-RateLimit-Scope", "X-RateLimit-Bucket"]),
        st.text(max_size=5),
    ),
    known=st.booleans(),
)
def test_no_answer_is_without_an_outcome(
    status: int, body: Any, headers: dict[str, str], known: bool
) -> None:
    """Whatever a server says, a verb gets data: nothing raises, and no wait is negative or for ever."""
    met = read(answer(status, body, headers), KEYS, ref=REF if known else None)
    if isinstance(met, Refused | Blocked):
        assert 0.0 <= met.retry_after <= LONGEST_SECONDS
    if isinstance(met, Refused):
        assert met.bucket in ("route", "global", "old")
