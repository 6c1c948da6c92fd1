"""What the page asks of a world. Law: the page sees the servers as a viewer does and reaches into none of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, get_args

from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record

PlatformName: TypeAlias = Literal["slack", "discord"]
PLATFORMS: tuple[PlatformName, ...] = get_args(PlatformName)


class ChatServer(Protocol):
    """A chat platform as its people use it."""

    @property
    def bot_id(self) -> str: ...
    @property
    def bot_name(self) -> str: ...
    @property
    def mention(self) -> str: ...

    def people(self) -> Sequence[Mapping[str, Any]]: ...
    def channels(self) -> Sequence[Mapping[str, Any]]: ...
    def messages(self, channel: str, /) -> Sequence[Mapping[str, Any]]: ...

    async def say(
        self, person: str, channel: str, text: str, /, *, thread: str = "", reply_to: str = ""
    ) -> str: ...
    async def command(self, person: str, channel: str, name: str, text: str, /) -> str: ...
    async def press(self, person: str, channel: str, message: str, control: str, /) -> object: ...
    async def delete(self, person: str, channel: str, message: str, /) -> None: ...
    async def change(self, person: str, channel: str, message: str, text: str, /) -> None: ...


class Request(Protocol):
    """One request to Claude, and the text that it has been told so far."""

    @property
    def number(self) -> int: ...
    @property
    def said(self) -> str: ...


class Speaker(Protocol):
    """The local Claude. `speed`: characters of text per sandbox second."""

    speed: float

    @property
    def requests(self) -> Sequence[Request]: ...


class World(Protocol):
    @property
    def clock(self) -> Clock: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def record(self) -> Record: ...
    @property
    def slack(self) -> ChatServer: ...
    @property
    def discord(self) -> ChatServer: ...
    @property
    def claude(self) -> Speaker: ...


def platform_of(world: World, name: PlatformName) -> ChatServer:
    return world.slack if name == "slack" else world.discord
