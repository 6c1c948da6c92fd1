"""One person at their client: what they alone see, their forms, and the settings that they change. Law: they do what a
person can do there, by the words that stand on the buttons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot import sentences
from bot.conversation.panel_fields import ASKED
from sandbox.record import Entry, Record
from tests.end_to_end.stage import Chat

TYPED = ("persona", "number", "dollars", "ids")
SLACK_MENU = {"Ask Claude about this": "ask_message", "Summarize thread": "summarize_thread"}


@dataclass(frozen=True)
class Hands:
    """`id`: of the person on this chat's platform. Messages are as the server's `messages` gives them."""

    chat: Chat
    id: str

    @property
    def server(self) -> Any:
        return self.chat.server

    @property
    def now(self) -> int:
        """A moment of the record, for `since`."""
        return len(self.chat.world.record)

    # ------------------------------------------------------------------------------------------ what they alone see

    async def told(self, part: str, *, since: int, within: float = 15.0) -> dict[str, Any]:
        """Wait until they alone are told something with this in it; that message."""

        def found(record: Record) -> dict[str, Any] | None:
            for entry in record.entries("shown", self.chat.name):
                if entry.number >= since and entry["ephemeral"] and part in entry["text"]:
                    message = self.message(entry)
                    if message is not None and message["ephemeral_for"] == self.id:
                        return message
            return None

        return await self.chat.world.record.wait(found, within=within)

    def message(self, entry: Entry) -> dict[str, Any] | None:
        stands = self.server.messages(entry["channel"])
        found = next((one for one in stands if one["id"] == entry["message"]), None)
        return None if found is None else {**found, "channel": entry["channel"]}

    # ------------------------------------------------------------------------------------------ what they do

    async def order(self, channel: str, words: str) -> None:
        await self.server.command(self.id, channel, "claude", words)

    async def press(self, message: dict[str, Any], label: str) -> None:
        control = next(one["id"] for one in message["controls"] if one["label"] == label)
        await self.server.press(self.id, message["channel"], message["id"], control)

    async def menu(self, channel: str, message: str, name: str) -> None:
        """An entry of a message's own menu."""
        if self.chat.name == "slack":
            await self.server.shortcut(self.id, SLACK_MENU[name], channel, message)
        else:
            await self.server.menu(self.id, channel, message, name)

    async def form(self, *, since: int, within: float = 15.0) -> dict[str, str]:
        """Wait for a form to open before them: its title, and each field with what stands in it."""
        kind = "view" if self.chat.name == "slack" else "modal"

        def opened(record: Record) -> bool:
            return any(
                entry.number >= since
                and entry["person"] == self.id
                and entry.get("verb", "opened") == "opened"
                for entry in record.entries(kind, self.chat.name)
            )

        await self.chat.world.record.wait(opened, within=within)
        if self.chat.name == "slack":
            body = self._view()["body"]
            fields = {
                block["block_id"]: block["element"] for block in body["blocks"] if block["type"] == "input"
            }
            return {"": body["title"]["text"], **{name: _stands(one) for name, one in fields.items()}}
        modal = self.server.modals(self.id)[-1]
        return {
            "": modal["title"],
            **{one["custom_id"]: str(one.get("value") or "") for one in modal["fields"]},
        }

    async def send(self, **values: str) -> None:
        """Fill in the form that is open, and send it off."""
        if self.chat.name == "slack":
            await self.server.fill(self.id, self._view()["id"], values)
        else:
            await self.server.submit(self.id, values)

    def _view(self) -> dict[str, Any]:
        found: dict[str, Any] = [one for one in self.server.views() if one["person"] == self.id][-1]
        return found

    # ------------------------------------------------------------------------------------------ settings

    async def open_settings(self, channel: str, where: str = sentences.SETTINGS_CHANNEL) -> int:
        """`/claude settings`, and the button for this channel or for everywhere; the moment before the button."""
        since = self.now
        await self.order(channel, "settings")
        asked = await self.told(sentences.SETTINGS_WHERE, since=since)
        since = self.now
        await self.press(asked, where)
        return since

    async def set(self, channel: str, where: str = sentences.SETTINGS_CHANNEL, **fields: str) -> None:
        """Change settings, each by the words that a person reads; until they are told that it is saved."""
        since = await self.open_settings(channel, where)
        if self.chat.name == "slack":
            await self.form(since=since)
            since = self.now
            await self.send(**fields)
            await self.told(sentences.SETTINGS_SAVED, since=since)
            return
        for name, value in fields.items():
            if ASKED[name].kind in TYPED:
                await self.open_group(name, since=since)
                saved = self.now
                await self.send(**{name: value})
            else:
                label = ASKED[name].label
                row = await self.row(label, since=since)
                [select] = [one for one in row["controls"] if one["label"] == label]
                chosen = next(
                    one["value"] for one in select["options"] if one["label"] == f"{label}: {value}"
                )
                saved = self.now
                await self.server.select(self.id, row["channel"], row["id"], select["id"], chosen)
            await self.told(sentences.SETTINGS_SAVED, since=saved)

    async def open_group(self, name: str, *, since: int) -> dict[str, str]:
        """Discord: the form behind the button of this field, with all texts of its group."""
        label = f"{ASKED[name].label}…"
        row = await self.row(label, since=since)
        opening = self.now
        await self.press(row, label)
        return await self.form(since=opening)

    async def row(self, label: str, *, since: int) -> dict[str, Any]:
        """Discord: the message of an open form that has the control with this label."""

        def found(record: Record) -> dict[str, Any] | None:
            for entry in record.entries("shown", self.chat.name):
                if entry.number >= since and entry["ephemeral"] and label in entry["controls"]:
                    message = self.message(entry)
                    if message is not None and message["ephemeral_for"] == self.id:
                        return message
            return None

        return await self.chat.world.record.wait(found, within=15)


def _stands(element: dict[str, Any]) -> str:
    """What stands in a field of Slack's, as a person reads it."""
    chosen = element.get("initial_option")
    return str(chosen["text"]["text"] if chosen else element.get("initial_value") or "")
