"""Which models there are to choose from. Law: nobody waits for the list, and no form stays empty without it.

A form has to be open within three seconds of a press: what is known is offered at once, and the list is fetched anew
behind it once it is an hour old. Until it could be fetched, the configured model stands alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import anthropic


@dataclass(frozen=True, slots=True)
class Model:
    """A model's id, and the name that people know it by."""

    id: str
    name: str


class Models:
    """The API's list of models; one for the process, made inside the running loop."""

    def __init__(self, client: anthropic.AsyncAnthropic, *, configured: str) -> None:
        raise NotImplementedError

    async def offered(self, *, within: float = 1.0) -> Sequence[Model]:
        """The models, newest first, the configured one among them. Waits `within` seconds for the first list at most."""
        raise NotImplementedError

    async def close(self) -> None:
        """End a request that is under way."""
        raise NotImplementedError
