"""Claude's Markdown as Discord's message content takes it. Law: nobody is pinged, even if `allowed_mentions` were lost."""

from __future__ import annotations

import re

_HUSH = "\u200b"
_MENTION = re.compile(r"@(?=everyone|here|[!&]?\d)|<(?=[#/:at]\S*>)|(?<=<)(?=id:)")
_INVITE = re.compile(r"(?i)(discord(?:app)?)\.(?=gg/|com/invite/)")


def defuse(text: str) -> str:
    """Make mentions, channel and command references, timestamps and invites inert, by a space of no width."""
    text = _MENTION.sub(lambda found: found[0] + _HUSH, text)
    return _INVITE.sub(rf"\1.{_HUSH}", text)


class DiscordDialect:
    """Discord's side of `bot.ports.Dialect`."""

    def render(self, markdown: str) -> str:
        return defuse(markdown)

    def cost(self, text: str) -> int:
        """Code points, as Discord counts `content` (reference: its staff, 2020)."""
        return len(text)

    def notice(self, sentence: str) -> str:
        return f"-# {defuse(sentence)}"
