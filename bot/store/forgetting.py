"""Deleting what is stored of somebody who asks for it. Law: afterwards no row holds their id, their name or their words,
nor the answers to them; the spending of the day that is not over yet excepted, until it is.
"""

from __future__ import annotations

from bot.store.engine import Part, whole


class Forgetting(Part):
    """One more part of the store."""

    @whole
    async def forget_person(self, platform: str, workspace: str | None, person: str) -> None:
        """Everything that is stored about this person. `workspace` None: in every one of the platform."""
        raise NotImplementedError
