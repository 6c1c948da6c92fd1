"""Where a link leads, asked faster. Law: the engine's answer, for every text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown_it import helpers
from markdown_it.helpers import parseLinkLabel as parseLinkLabel  # noqa: PLC0414 (the engine asks here for all three)
from markdown_it.helpers import parseLinkTitle as parseLinkTitle  # noqa: PLC0414 (the same)

# The engine follows 32 brackets that are open at once, sign by sign, and then says no: in `[a]([a]([a](...` for each.
_TOO_DEEP = re.compile(r"(?:[^()\s\\<\x00-\x1f\x7f]*\(){33}")


@dataclass(frozen=True, slots=True)
class _Nowhere:
    ok: bool = False
    pos: int = 0
    str: str = ""


_NOWHERE = _Nowhere()


def parseLinkDestination(string: str, pos: int, maximum: int) -> object:  # noqa: N802 (the engine's name)
    """What the engine would say of string[pos:maximum]."""
    return (
        _NOWHERE
        if _TOO_DEEP.match(string, pos, maximum)
        else helpers.parseLinkDestination(string, pos, maximum)
    )
