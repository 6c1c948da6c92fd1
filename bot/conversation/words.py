"""Words that are orders. Pure. Law: only a message that is nothing else is one: "stop the deploy" stops nothing.

What a command does must also be had without one: Slack takes no custom commands inside threads.
"""

from __future__ import annotations

ORDERS = ("settings", "usage", "new", "stop", "help", "forget")

_WORDS = {
    "stop": "stop",
    "halt": "stop",
    "cancel": "stop",
    "stopp": "stop",
    "anhalten": "stop",
    "🛑": "stop",
    "settings": "settings",
    "einstellungen": "settings",
    "usage": "usage",
    "verbrauch": "usage",
    "new": "new",
    "new conversation": "new",
    "neues gespräch": "new",
    "help": "help",
    "hilfe": "help",
    "forget me": "forget",
    "vergiss mich": "forget",
}


def order(text: str) -> str:
    """The verb that these words mean (see `ports.Ordered`), or ""."""
    if len(text) > 40:
        return ""
    bare = " ".join(text.split()).strip(" .!/").casefold()
    return _WORDS.get(bare.removesuffix(" please").removesuffix(", please").removeprefix("please "), "")
