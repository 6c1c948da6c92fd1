"""What the app has in Slack's menus. Law: the workspace knows an app's commands from its manifest, never from its code.

On Slack these stand in the app's configuration, which no API tells; `SlackServer.offers` is that configuration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

OFFERS: Final[Sequence[Mapping[str, str]]] = (
    {"kind": "slash", "name": "ask", "id": "/ask", "description": "Ask Claude", "hint": "[question]"},
    {
        "kind": "slash",
        "name": "claude",
        "id": "/claude",
        "description": "Settings, usage, help, or a question",
        "hint": "[settings | usage | new | stop | forget me | help]",
    },
    {
        "kind": "message",
        "name": "Ask Claude about this",
        "id": "ask_message",
        "description": "Ask a question about a message and its files",
        "hint": "",
    },
    {
        "kind": "message",
        "name": "Summarize thread",
        "id": "summarize_thread",
        "description": "Have Claude summarize the thread of a message",
        "hint": "",
    },
)
