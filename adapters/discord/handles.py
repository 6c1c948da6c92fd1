"""The life of an interaction, from its arrival to its token's end. Pure. Law: it is acknowledged once, by its first use.

Discord gives 3 seconds for the first response, which settles what can follow: a form can only be the first response,
and whether an answer is for everybody or for one person never changes afterwards (docs: receiving and responding). So
what may still become a form, or a refusal that is nobody else's business, is *held* for a while, and whoever uses it
first decides; what can not is acknowledged at once.

kind       at once                       held, and if nothing uses it in time
ask        -                             thinking
order      quiet                         -
summarize  quiet                         (thinking)
want       -                             quiet, or thinking
submit     -                             quiet, or thinking
choose     -                             silent
rate       -                             silent
press      silent                        -
pick       silent                        -

"Or thinking": where the bot cannot write in the channel, the answer itself has to come by the interaction. There a
summary is held, too: everybody would see it thinking.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

TOKEN_SECONDS: Final = 14.5 * 60.0
"""Documented life 15 minutes, less half a minute for clocks and queues: later calls count as invalid requests."""

HOLD_SECONDS: Final = 2.0
"""How long a form may be opened: of the documented 3 s, one is kept for the way of the acknowledgement."""

DECIDE_SECONDS: Final = 0.8
"""How long a question waits for its refusal before everybody sees "thinking". What decides comes along with the command,
and is known in a few hundredths of a second; what takes longer is told by a further message (see `road`)."""

MESSAGE: Final = 4
DEFERRED: Final = 5
DEFERRED_UPDATE: Final = 6
UPDATE: Final = 7
MODAL: Final = 9
"""Types of a first response (docs: interaction callback type)."""

Kind: TypeAlias = Literal[
    "ask", "order", "summarize", "want", "submit", "choose", "rate", "press", "pick", "group", "unknown"
]
State: TypeAlias = Literal["held", "thinking", "quiet", "silent", "said"]
"""held: not acknowledged yet. thinking: everybody sees "thinking". quiet: its asker alone does. silent: nothing is to be
seen. said: answered at once, by a sentence or a form."""

Road: TypeAlias = Literal["respond", "update", "fill", "follow", "replace"]
"""How a person is told something alone: by the first response; by changing the message that was pressed on (first response);
by filling in what is there; by a further message; by a further message in place of the public "thinking"."""

_AT_ONCE: Final[dict[Kind, State]] = {
    "order": "quiet",
    "summarize": "quiet",
    "press": "silent",
    "pick": "silent",
}
_IN_THE_END: Final[dict[Kind, State]] = {
    "ask": "thinking",
    "summarize": "quiet",
    "want": "quiet",
    "submit": "quiet",
    "choose": "silent",
    "rate": "silent",
}
_ANSWERED: Final = ("ask", "summarize", "want", "submit")
"""What may be answered by a reply that grows, and not only by a word to its asker."""


@dataclass(slots=True, eq=False)
class Interaction:
    """One command, menu, button or form that somebody used.

    visible       whether the bot can post in the channel by itself
    until         the end of the token's life
    original      the message that fills in the public "thinking"; "" while there is none
    filled        what stands there for its asker alone has been filled in, or is gone
    messages      those that its token may edit
    """

    id: str
    token: str = field(repr=False)
    kind: Kind
    channel: str
    visible: bool
    until: float
    state: State = "held"
    acknowledged: asyncio.Task[bool] | None = None
    original: str = ""
    filled: bool = False
    key: str = ""
    messages: set[str] = field(default_factory=set)
    dead: bool = False

    def alive(self, now: float) -> bool:
        return not self.dead and now < self.until

    @property
    def answerable(self) -> bool:
        return self.kind in _ANSWERED

    def carries(self, channel: str) -> bool:
        """Does a reply in this channel grow by it?"""
        if channel != self.channel or not self.answerable:
            return False
        return self.state == "thinking" or (self.state == "held" and in_the_end(self) == "thinking")


def at_once(one: Interaction) -> State | None:
    """How it is acknowledged on arrival; None: it is held."""
    state = _AT_ONCE.get(one.kind)
    return state if _seen_by_all(one, state) == state else None


def held_for(one: Interaction) -> float:
    """Seconds: for a form, or for no more than a refusal."""
    return DECIDE_SECONDS if one.kind in ("ask", "summarize") else HOLD_SECONDS


def in_the_end(one: Interaction) -> State:
    """How it is acknowledged when nothing has used it in time."""
    return _seen_by_all(one, _IN_THE_END.get(one.kind)) or "silent"


def _seen_by_all(one: Interaction, state: State | None) -> State | None:
    return "thinking" if state == "quiet" and not one.visible and one.answerable else state


def road(one: Interaction) -> Road:
    """How to tell its asker something alone, as it stands now."""
    if one.state == "held":
        # What a private question's button was pressed on is a question no more.
        return "update" if one.kind == "choose" else "respond"
    if one.state == "thinking":
        return "follow" if one.original else "replace"
    if not one.filled and (one.state == "quiet" or (one.state == "silent" and one.kind == "choose")):
        return "fill"
    return "follow"
