"""What Discord's answers mean for a reply. Pure. Law: every answer becomes exactly one outcome, and the table says which.

Codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json. What the table does not name is
decided by the status alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from adapters.discord.rest import Answer
from bot.ports import Denied, Gone, Outcome, Ref, Refused, Rejected, Sent, Unavailable

Verdict: TypeAlias = Literal["gone", "denied", "rejected", "expired", "unreferenced", "old", "busy"]

CODES: Final[dict[int, Verdict]] = {
    # The message or its channel was deleted: the reply is over, quietly.
    10003: "gone",  # unknown channel
    10008: "gone",  # unknown message
    # The bot may not write here.
    10004: "denied",  # unknown guild: the bot was removed from it
    40002: "denied",  # the account must be verified
    40094: "denied",  # no more follow-ups in a place where only the user installed the application
    40333: "denied",  # refused at the edge for its User-Agent
    50001: "denied",  # missing access
    50005: "denied",  # somebody else's message
    50007: "denied",  # this person takes no direct messages
    50013: "denied",  # missing permissions
    50083: "denied",  # the thread is archived
    160005: "denied",  # the thread is locked
    # Sending the same again is useless.
    50006: "rejected",  # an empty message
    50016: "rejected",  # wrong number of things
    50035: "rejected",  # a form error: too long, bad component
    50109: "rejected",  # not JSON
    # The token of an interaction is over: 15 minutes, or Discord's own reasons. The channel is still there.
    10015: "expired",  # unknown webhook; valid tokens meet it at times (discord-api-docs#6851)
    10062: "expired",  # unknown interaction
    50027: "expired",  # invalid webhook token
    # The reply's arrow needs Read Message History; the text does not.
    160002: "unreferenced",
    # Discord is short of something for a moment, or wants it slower.
    20016: "busy",  # slow mode
    20028: "busy",  # the channel's limit on writing
    20029: "busy",  # the server's
    40062: "busy",  # service resource is being rate limited
    # The count of edits to messages older than an hour: a budget of its own.
    30046: "old",
}

NOT_FOUND: Final = "404"
"""Nothing is there, says Discord, and no code says what."""

EDGE_SECONDS: Final = 30.0
EDGE_CAP_SECONDS: Final = 600.0
"""How long to be silent after a refusal at the edge that names no time: doubling with each that follows, to a cap.
Discord counts 10,000 invalid requests in ten minutes before its edge blocks an address (documented), so in ten minutes
the count is over; a proxy's hiccup, which looks the same, is over sooner."""

UNSAID_SECONDS: Final = 2.0
"""How long one route is left alone after a 429 of Discord's own that names no time at all. The windows that others
have seen are 2 to 5 s long; budgets double the wait for each refusal that follows at once, so a longer one is met too.
Only that route waits: nothing says that the rest of Discord is shut."""

LONGEST_SECONDS: Final = 3600.0
"""No single refusal is believed for longer than an hour; then one call asks again."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of the budgets that a call spends, for saying which of them refused. `everywhere` and `old` are ""
    where the call does not spend such a budget.
    """

    route: str
    everywhere: str = ""
    old: str = ""


@dataclass(frozen=True, slots=True)
class Blocked:
    """The edge in front of Discord has shut us out of everything, for `retry_after` seconds; 0.0: it did not say."""

    retry_after: float


@dataclass(frozen=True, slots=True)
class Expired:
    """The interaction's token is over; the same text can still go through the channel."""

    code: str


@dataclass(frozen=True, slots=True)
class Unreferenced:
    """Discord will not show the reply's arrow here; the same text can go without it. `whole_channel`: nor any other."""

    code: str
    whole_channel: bool = True


Reading: TypeAlias = Outcome | Blocked | Expired | Unreferenced


def read(answer: Answer, keys: Keys, *, ref: Ref | None = None, channel: str = "") -> Reading:
    """What this answer means.

    `ref` is the message that was edited; None for a post, whose ref is in the answer (its channel id, or `channel`
    where Discord does not repeat it).
    """
    if answer.failure:
        if answer.failure == "cut" and answer.applied and ref is not None:
            return Sent(ref)  # the status said it all
        return Unavailable(answer.label, answer.applied, retry_after_of(answer) or 0.0)
    if answer.ok:
        return _taken(answer, ref, channel)
    if answer.status == 429:
        return _refused(answer, keys)
    if answer.status >= 500 or answer.status == 408 or 300 <= answer.status < 400:
        # A gateway's 502 or 504 may come after the call was applied; a 503 too.
        return Unavailable(
            answer.label, None if answer.status >= 500 else False, retry_after_of(answer) or 0.0
        )
    return _error(answer, keys)


def _taken(answer: Answer, ref: Ref | None, channel: str) -> Outcome:
    if ref is not None:
        return Sent(ref)
    made = ref_of(answer.body, channel)
    return Sent(made) if made is not None else Unavailable(f"{answer.status} without an id", applied=True)


def _refused(answer: Answer, keys: Keys) -> Reading:
    retry_after = retry_after_of(answer)
    body = answer.body if isinstance(answer.body, dict) else {}
    if not _from_discord(answer):
        return Blocked(retry_after or 0.0)
    if retry_after is None:
        retry_after = _seconds(answer.headers.get("X-RateLimit-Reset-After"))
    wait = retry_after or UNSAID_SECONDS
    scope = answer.headers.get("X-RateLimit-Scope", "")
    if keys.everywhere and (body.get("global") is True or scope == "global"):
        return Refused(wait, keys.everywhere)
    if CODES.get(answer.code) == "old" and keys.old:
        return Refused(wait, keys.old)
    return Refused(wait, keys.route)


def _error(answer: Answer, keys: Keys) -> Reading:
    if answer.body is None and answer.status in (401, 403):
        # A page instead of JSON: the edge speaks, not Discord.
        return Blocked(retry_after_of(answer) or 0.0)
    if answer.body is None and answer.status == 404:
        return Unavailable(answer.label, applied=False)
    verdict = CODES.get(answer.code)
    if verdict == "rejected" and _of_arrow(answer):
        verdict = "unreferenced"
    if verdict == "gone":
        return Gone(answer.label)
    if verdict == "busy" or (verdict is None and answer.status == 404):
        # Routes that exist answer 404 at times (discord-api-docs#6851): without a code nothing is known to be gone.
        return Unavailable(answer.label, applied=False, retry_after=retry_after_of(answer) or 0.0)
    if verdict == "denied" or (verdict is None and answer.status in (401, 403)):
        return Denied(answer.label)
    if verdict == "expired":
        return Expired(answer.label)
    if verdict == "unreferenced":
        return Unreferenced(answer.label, whole_channel=not _of_arrow(answer))
    if verdict == "old":
        return Refused(retry_after_of(answer) or 2.0, keys.old or keys.route)
    return Rejected(answer.label)


def _of_arrow(answer: Answer) -> bool:
    """Is it only the reply's arrow that Discord will not take? An announcement, of which a menu can be opened, takes none."""
    wrong = answer.body.get("errors") if isinstance(answer.body, dict) else None
    return isinstance(wrong, dict) and set(wrong) == {"message_reference"}


def _from_discord(answer: Answer) -> bool:
    """Discord's own 429 names a budget, or is JSON that passed through its proxies (`Via`) or is of the documented form;
    the edge's is none of these: a page, or JSON that says "blocked".
    """
    if any(name.lower().startswith("x-ratelimit-") for name in answer.headers):
        return True
    if not isinstance(answer.body, dict):
        return False
    said = answer.body.get("message")
    documented = isinstance(said, str) and said.startswith("You are being rate limited")
    return "Via" in answer.headers or (documented and isinstance(answer.body.get("global"), bool))


def retry_after_of(answer: Answer) -> float | None:
    """Seconds: the body's exact figure before the header's whole seconds; None where neither is a number."""
    body = answer.body if isinstance(answer.body, dict) else {}
    for said in (body.get("retry_after"), answer.headers.get("Retry-After")):
        seconds = _seconds(said)
        if seconds is not None:
            return seconds
    return None


def _seconds(said: Any) -> float | None:
    try:
        seconds = float(said)
    except (TypeError, ValueError):
        return None
    return min(LONGEST_SECONDS, seconds) if 0.0 <= seconds < float("inf") else None


def ref_of(message: Any, channel: str = "") -> Ref | None:
    """The `Ref` of a message object."""
    if not isinstance(message, dict):
        return None
    made, where = message.get("id"), message.get("channel_id") or channel
    return Ref(str(where), str(made)) if made and where else None
