"""Files that people send and that the bot sends back, as data. Law: a file's address is never logged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file on somebody's message, not read yet. `size` in bytes as the platform tells it, 0 where it does not.

    `url` is the platform's own address of it; the adapter fetches nothing from anywhere else.
    """

    id: str
    name: str
    mime: str
    size: int
    url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class File:
    """A file with its content."""

    name: str
    mime: str
    data: bytes = field(repr=False)


Reason: TypeAlias = Literal["too_large", "denied", "foreign", "gone", "unavailable"]


@dataclass(frozen=True, slots=True)
class Unread:
    """Why a file could not be had: over the limit; not ours to read (a missing scope, a login page); an address that
    is not the platform's; deleted; no answer.
    """

    reason: Reason
    code: str = ""
