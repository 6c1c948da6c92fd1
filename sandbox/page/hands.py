"""The same deed on either platform, each in its own way. Law: a person of the page can do what the platform's people can.

Slack calls an emoji by a name, Discord by itself; a form's choices come back one by one or as a list; a file has its
type from its name or from whoever sends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sandbox.page.files import Upload
from sandbox.page.servers import DiscordChat, SlackChat

# The emoji that the page offers, as Slack calls them (docs.slack.dev, reactions.add; the names are Unicode's short ones).
EMOJI: Final[Mapping[str, str]] = {
    "🛑": "octagonal_sign",
    "👍": "+1",
    "👎": "-1",
    "👀": "eyes",
    "❤️": "heart",
    "🎉": "tada",
    "✅": "white_check_mark",
    "✋": "hand",
}
SIGNS: Final[Mapping[str, str]] = {name: sign for sign, name in EMOJI.items()}

Values = Mapping[str, str | Sequence[str]]


class SlackHands:
    def __init__(self, server: SlackChat) -> None:
        self._server = server

    async def say(
        self, person: str, channel: str, text: str, *, thread: str, reply_to: str, files: Sequence[Upload]
    ) -> str:
        kept = [(file.name, file.data) for file in files]
        return await self._server.say(person, channel, text, thread=thread or reply_to, files=kept)

    async def command(self, person: str, channel: str, name: str, text: str, files: Sequence[Upload]) -> str:
        if files:
            raise ValueError("Slack's commands take no files: mention the bot instead")
        return await self._server.command(person, channel, name, text)

    async def react(self, person: str, channel: str, message: str, emoji: str, *, remove: bool) -> None:
        name = EMOJI.get(emoji, emoji.strip(":"))
        await self._server.react(person, channel, message, name, remove=remove)

    async def use(self, person: str, channel: str, message: str, entry: str) -> None:
        await self._server.shortcut(person, entry, channel, message)

    async def submit(self, person: str, form: str, values: Values) -> None:
        await self._server.fill(person, form, values)

    async def cancel(self, person: str, form: str) -> None:
        await self._server.close_view(person, form)


class DiscordHands:
    def __init__(self, server: DiscordChat) -> None:
        self._server = server

    async def say(
        self, person: str, channel: str, text: str, *, thread: str, reply_to: str, files: Sequence[Upload]
    ) -> str:
        return await self._server.say(person, thread or channel, text, reply_to=reply_to, files=_typed(files))

    async def command(self, person: str, channel: str, name: str, text: str, files: Sequence[Upload]) -> str:
        return await self._server.command(person, channel, name, text, _typed(files))

    async def react(self, person: str, channel: str, message: str, emoji: str, *, remove: bool) -> None:
        act = self._server.unreact if remove else self._server.react
        await act(person, channel, message, emoji)

    async def use(self, person: str, channel: str, message: str, entry: str) -> None:
        await self._server.menu(person, channel, message, entry)

    async def submit(self, person: str, form: str, values: Values) -> None:
        typed = {name: value if isinstance(value, str) else "".join(value) for name, value in values.items()}
        await self._server.submit(person, typed, modal=form)

    async def cancel(self, person: str, form: str) -> None:
        await self._server.dismiss(person, form)


def _typed(files: Sequence[Upload]) -> list[tuple[str, str, bytes]]:
    return [(file.name, file.type, file.data) for file in files]
