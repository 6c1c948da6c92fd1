"""What one person alone is told, and the forms that are opened for them. Law: by the interaction they have just used, or not at all.

Which call that takes depends on how far the interaction's life has gone (see `handles.road`): a first response, a
change of the message that was pressed on, filling in the "thinking" that its asker alone sees, or a further message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.discord import budgets, outbound, panels
from adapters.discord.calls import Calls, now
from adapters.discord.handles import MESSAGE, MODAL, UPDATE, Interaction, road
from adapters.discord.interactions import Interactions, acknowledged
from adapters.discord.outcomes import CODES
from adapters.discord.panels import OpenForms
from adapters.discord.rest import Answer
from bot.ports import Button, Panel

SAY_SECONDS: Final = 5.0
"""How long a word to one person is tried for."""

BUTTONS: Final = 25


class Asides:
    """Whispers and forms."""

    def __init__(self, calls: Calls, interactions: Interactions) -> None:
        self._calls = calls
        self._interactions = interactions
        self.forms = OpenForms()

    async def whisper(self, route: str, text: str, buttons: Sequence[Button] = ()) -> bool:
        """A text of ours, in as many messages as it takes; the buttons stand under the last."""
        interaction = self._interactions.alive(route, now())
        pages = panels.pages_of(text)
        if interaction is None or not pages:
            return False
        bodies = [outbound.whisper(page) for page in pages[:-1]]
        return await self._say(interaction, [*bodies, outbound.whisper(pages[-1], buttons[:BUTTONS])])

    async def open(self, route: str, panel: Panel) -> bool:
        """A modal where the form fits one and nothing was answered yet; otherwise messages for one person."""
        interaction = self._interactions.alive(route, now())
        if interaction is None:
            return False
        modal = panels.as_modal(panel)
        if modal is not None:
            return interaction.state == "held" and await self._interactions.respond(interaction, MODAL, modal)
        opened = self.forms.remember(panel, now())
        return await self._say(interaction, panels.as_messages(panel, opened))

    async def open_group(self, interaction: Interaction, opened: str, number: int) -> bool:
        """The texts of one group of a form that stands open, for the button that was pressed on it. False: it is too
        old, and nothing was answered.
        """
        panel = self.forms.get(opened, now())
        modal = panels.modal_of(panel, number, opened) if panel is not None else None
        if modal is None or interaction.state != "held":
            return False
        return await self._interactions.respond(interaction, MODAL, modal)

    async def _say(self, interaction: Interaction, bodies: Sequence[Mapping[str, Any]]) -> bool:
        """These messages, one after the other. False: not the first of them was taken."""
        said = False
        for body in bodies:
            if not await self._say_one(interaction, {**body, "flags": body["flags"] | outbound.EPHEMERAL}):
                break
            said = True
        return said

    async def _say_one(self, interaction: Interaction, body: Mapping[str, Any]) -> bool:
        way = road(interaction)
        if way in ("respond", "update"):
            return await self._interactions.respond(
                interaction, MESSAGE if way == "respond" else UPDATE, body
            )
        if not await acknowledged(interaction):
            return False
        if way == "fill":
            interaction.filled = True
            call = self._calls.webhook(interaction, "PATCH", "/messages/@original", budgets.WEBHOOK_ORIGINAL)
            answer = await self._calls.patiently(call, body, within=SAY_SECONDS)
            if answer is not None and answer.ok:
                return True
            if answer is None or answer.failure or answer.status != 404 or _over(interaction, answer):
                interaction.filled = False
                return False
        if way == "replace":
            # While a "thinking" that everybody sees stands, Discord would fill it in with this, for everybody (observed).
            call = self._calls.webhook(interaction, "DELETE", "/messages/@original", budgets.WEBHOOK_DELETE)
            await self._calls.patiently(call, within=SAY_SECONDS)
            interaction.state = "said"
        call = self._calls.webhook(interaction, "POST", "", budgets.WEBHOOK_POST)
        answer = await self._calls.patiently(call, body, within=SAY_SECONDS)
        return answer is not None and not _over(interaction, answer) and answer.ok


def _over(interaction: Interaction, answer: Answer) -> bool:
    """Has its token ended before its time? Then nothing more is tried by it: each such call counts as an invalid one."""
    interaction.dead = interaction.dead or CODES.get(answer.code) == "expired"
    return interaction.dead
