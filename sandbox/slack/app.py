"""What the app has in Slack's menus. Law: the workspace knows an app's commands from its manifest, never from its code.

On Slack these stand in the app's configuration, which no API tells; `SlackServer.offers` is that configuration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

# The prompts of the agent that the app is where its other manifest is used.
PROMPTS: Final[Sequence[Mapping[str, str]]] = (
    {
        "title": "Explain something",
        "message": "Explain this to me as if I were new to it, and ask me first what it is about",
    },
    {
        "title": "Help me write",
        "message": "Help me write a message; ask me first to whom and what about",
    },
    {
        "title": "Think it through",
        "message": "Help me think a decision through; ask me first what it is",
    },
    {
        "title": "What can you do?",
        "message": "What can you do here, and how do I use you in channels?",
    },
)

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
