"""Which models there are to choose from. Law: nobody waits for the list, and no form stays empty without it.

A form has to be open within three seconds of a press: what is known is offered at once, and the list is fetched anew
behind it once it is an hour old. Until it could be fetched, the configured model stands alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import anthropic

from bot.claude import faults

log = logging.getLogger(__name__)

_FRESH = 3600.0
# A server that has no such list (other servers that speak Claude's API may not) is asked again after this.
_AGAIN = 300.0
_PATIENCE = 20.0
_PAGE = 100
_MOST = 500


@dataclass(frozen=True, slots=True)
class Model:
    """A model's id, and the name that people know it by."""

    id: str
    name: str


class Models:
    """The API's list of models; one for the process, made inside the running loop."""

    def __init__(self, client: anthropic.AsyncAnthropic, *, configured: str) -> None:
        self._client = client
        self._configured = Model(configured, configured)
        self._known: tuple[Model, ...] = ()
        self._until = 0.0
        self._fetching: asyncio.Task[None] | None = None

    async def offered(self, *, within: float = 1.0) -> Sequence[Model]:
        """The models, newest first, the configured one among them. Waits `within` seconds for the first list at most."""
        if asyncio.get_running_loop().time() >= self._until and self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch(), name="models")
        if not self._known and self._fetching is not None:
            await asyncio.wait({self._fetching}, timeout=within)
        if any(model.id == self._configured.id for model in self._known):
            return self._known
        return (*self._known, self._configured)

    async def _fetch(self) -> None:
        loop = asyncio.get_running_loop()
        self._until = loop.time() + _AGAIN
        try:
            async with asyncio.timeout(_PATIENCE):
                self._known = await self._listed()
        except (*faults.RAISED, TimeoutError, AttributeError, TypeError) as error:
            # The last two: the SDK does not validate, and another server's list may look otherwise.
            log.warning("models.not_listed", extra={"error": type(error).__name__})
        else:
            self._until = loop.time() + _FRESH
        finally:
            self._fetching = None

    async def _listed(self) -> tuple[Model, ...]:
        found: list[Model] = []
        async for model in self._client.models.list(limit=_PAGE):
            # Older servers do not tell the lifecycle, and those that do list what can no longer be used.
            if getattr(model, "lifecycle", "active") != "retired" and model.id not in {m.id for m in found}:
                found.append(Model(model.id, getattr(model, "display_name", "") or model.id))
            if len(found) >= _MOST:
                break
        return tuple(found)

    async def close(self) -> None:
        """End a request that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait({self._fetching})
