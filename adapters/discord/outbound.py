"""The bodies of our calls. Pure. Law: nobody is pinged but the one who is named, no link unfurls, and buttons are always said explicitly.

An edit without `allowed_mentions` is parsed anew with Discord's default, which pings everyone it names; an edit
without `components` keeps the old ones: so each body says all of it each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.ports import Button, Content, Control

SUPPRESS_EMBEDS: Final = 1 << 2
EPHEMERAL: Final = 1 << 6

CONTENT: Final = 2_000
"""Documented: `content` has at most so many characters."""

NONE_PINGED: Final[Mapping[str, Any]] = {"parse": [], "replied_user": False}
"""Model output is not to be trusted with a ping."""

OURS: Final = "inkstream"
"""What our components' custom ids begin with, at most 100 characters: `inkstream:stop:{reply}`,
`inkstream:chosen:{button}`; for forms see `panels`."""

CHOSEN: Final = "chosen"

IN_A_ROW: Final = 5
ROWS: Final = 5

_ACTION_ROW: Final = 1
_BUTTON: Final = 2
_GREY: Final = 2
_STYLES: Final[Mapping[str, int]] = {"primary": 1, "plain": _GREY, "danger": 4}


def create(
    content: Content, *, key: str = "", reply_to: str = "", channel: str = "", ring: bool = False
) -> dict[str, Any]:
    """A message to be posted. With `key` a repeated call within a few minutes makes no second message
    (`enforce_nonce`): Discord then answers with the first. `ring`: whoever it replies to is notified.
    """
    body = edit(content)
    body["allowed_mentions"]["replied_user"] = ring
    if key:
        body["nonce"] = key
        body["enforce_nonce"] = True
    if reply_to:
        body["message_reference"] = referring(reply_to, channel)
    return body


def referring(message: str, channel: str) -> dict[str, Any]:
    """The arrow of a reply. The question may be deleted meanwhile; the answer then stands alone."""
    return {"message_id": message, "channel_id": channel, "fail_if_not_exists": False}


def edit(content: Content) -> dict[str, Any]:
    """A message as it should look now. Nobody is notified by an edit, and none says that somebody should be."""
    text, pinged = content.text, dict(NONE_PINGED)
    if content.ping.isdigit() and len(content.ping) + len(text) + 4 <= CONTENT:
        text, pinged = f"<@{content.ping}> {text}", {**pinged, "users": [content.ping]}
    return {
        "content": text,
        "allowed_mentions": pinged,
        "flags": SUPPRESS_EMBEDS,
        "components": components(content),
    }


def whisper(sentence: str, buttons: Sequence[Button] = ()) -> dict[str, Any]:
    """One sentence that only the person who pressed or typed can see. At most 25 buttons."""
    made = [
        {
            "type": _BUTTON,
            "style": _STYLES[one.style],
            "label": one.label[:80] or "…",
            "custom_id": signed(CHOSEN, one.id),
        }
        for one in buttons
    ]
    return {
        "content": sentence,
        "allowed_mentions": dict(NONE_PINGED),
        "flags": SUPPRESS_EMBEDS | EPHEMERAL,
        "components": _rows(made),
    }


def components(content: Content) -> list[dict[str, Any]]:
    """The buttons under a message; [] removes those that were there."""
    labels = [*content.labels, *("" for _ in content.controls)]
    made = [
        {
            "type": _BUTTON,
            "style": _GREY,
            "label": label[:80] or control.value.capitalize(),
            "custom_id": signed(control.value, content.reply),
        }
        for control, label in zip(content.controls, labels, strict=False)
    ]
    return _rows(made)


def _rows(buttons: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = [row(*buttons[first : first + IN_A_ROW]) for first in range(0, len(buttons), IN_A_ROW)]
    return rows[:ROWS]


def row(*inner: dict[str, Any]) -> dict[str, Any]:
    """One row: five buttons, a select, or a modal's input."""
    return {"type": _ACTION_ROW, "components": list(inner)}


def signed(kind: str, *rest: str) -> str:
    """A custom id of ours."""
    return ":".join((OURS, kind, *rest))


def unsigned(custom_id: str, kind: str) -> tuple[str, str] | None:
    """The two parts of a custom id of this kind, the second of which may hold colons; None for anything else."""
    parts = custom_id.split(":", 3)
    return (parts[2], parts[3]) if len(parts) == 4 and parts[:2] == [OURS, kind] else None


def control_of(custom_id: str) -> tuple[Control, str] | None:
    """(control, reply) of one of our buttons; None for anything else."""
    parts = custom_id.split(":", 2)
    if len(parts) != 3 or parts[0] != OURS:
        return None
    try:
        return Control(parts[1]), parts[2]
    except ValueError:
        return None


def chosen(custom_id: str) -> str | None:
    """The id of a whisper's button; None for anything else."""
    parts = custom_id.split(":", 2)
    return parts[2] if len(parts) == 3 and parts[:2] == [OURS, CHOSEN] else None
