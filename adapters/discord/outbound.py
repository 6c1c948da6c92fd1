"""The bodies of our calls. Pure. Law: nobody is pinged, no link unfurls, and buttons are always said explicitly.

An edit without `allowed_mentions` is parsed anew with Discord's default, which pings everyone it names; an edit
without `components` keeps the old ones: so each body says all of it each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.ports import Content, Control

SUPPRESS_EMBEDS: Final = 1 << 2
EPHEMERAL: Final = 1 << 6

NONE_PINGED: Final[Mapping[str, Any]] = {"parse": [], "replied_user": False}
"""Model output is not to be trusted with a ping; the reply's arrow does not ring either."""

CUSTOM_ID: Final = "inkstream"
"""What our buttons' custom ids begin with: `inkstream:stop:{reply}`, at most 100 characters."""

_ACTION_ROW: Final = 1
_BUTTON: Final = 2
_GREY: Final = 2

LABELS: Final[Mapping[Control, str]] = {Control.STOP: "Stop"}


def create(content: Content, *, key: str = "", reply_to: str = "", channel: str = "") -> dict[str, Any]:
    """A message to be posted. With `key` a repeated call within a few minutes makes no second message
    (`enforce_nonce`): Discord then answers with the first.
    """
    body = edit(content)
    if key:
        body["nonce"] = key
        body["enforce_nonce"] = True
    if reply_to:
        body["message_reference"] = {
            "message_id": reply_to,
            "channel_id": channel,
            # The question may be deleted meanwhile; the answer then stands alone.
            "fail_if_not_exists": False,
        }
    return body


def edit(content: Content) -> dict[str, Any]:
    """A message as it should look now."""
    return {
        "content": content.text,
        "allowed_mentions": dict(NONE_PINGED),
        "flags": SUPPRESS_EMBEDS,
        "components": components(content),
    }


def whisper(sentence: str) -> dict[str, Any]:
    """One sentence that only the person who pressed or typed can see."""
    return {
        "content": sentence,
        "allowed_mentions": dict(NONE_PINGED),
        "flags": SUPPRESS_EMBEDS | EPHEMERAL,
    }


def components(content: Content) -> list[dict[str, Any]]:
    """The buttons under a message; [] removes those that were there."""
    if not content.controls:
        return []
    return [
        {
            "type": _ACTION_ROW,
            "components": [
                {
                    "type": _BUTTON,
                    "style": _GREY,
                    "label": LABELS[control],
                    "custom_id": f"{CUSTOM_ID}:{control.value}:{content.reply}",
                }
                for control in content.controls
            ],
        }
    ]


def control_of(custom_id: str) -> tuple[Control, str] | None:
    """(control, reply) of one of our buttons; None for anything else."""
    parts = custom_id.split(":", 2)
    if len(parts) != 3 or parts[0] != CUSTOM_ID:
        return None
    try:
        return Control(parts[1]), parts[2]
    except ValueError:
        return None
