"""Forms, and buttons that only one person sees, as data. Law: the core says what is asked; how it looks is the
adapter's.

A `Panel` becomes one modal on Slack. On Discord, whose modals hold five fields of text, it becomes a modal where it is
small enough, and otherwise a message that only the asker sees: its choices as selects, and for each group with texts a
button that opens a modal. So a `Submitted` may carry some of a panel's fields only, and a panel may be submitted again
and again while it stands open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:  # the nouns of ports, which imports these
    from bot.ports import Line

FieldKind: TypeAlias = Literal["text", "paragraph", "choice", "choices", "people", "roles"]


@dataclass(frozen=True, slots=True)
class Option:
    """One of a field's choices: what is submitted, and what people read (at most 75 characters)."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is asked.

    id      at most 40 characters of a-z and _
    label   at most 45 characters
    kind    "text": one line. "paragraph": several. "choice": one of `options`. "choices": any of them.
            "people", "roles": ids, picked with what the platform has for it (Slack's roles are user groups)
    values  what is there already; at most one for the first three kinds
    limit   most characters of a text; 0: the platform's own limit
    """

    id: str
    label: str
    kind: FieldKind
    values: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    hint: str = ""
    required: bool = False
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together; at most five of them ask for text."""

    id: str
    title: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """A form. `id` (at most 60 characters) comes back in `Submitted`; `title` has at most 24 characters.

    language  of its words, in which a mistake is told, too
    about     the message that it is about, which comes back with it: see `Submitted.about`
    """

    id: str
    title: str
    groups: tuple[Group, ...]
    submit: str
    intro: str = ""
    language: str = ""
    about: Line | None = None


Check: TypeAlias = Callable[[str, Mapping[str, tuple[str, ...]], str], Mapping[str, str]]
"""`check(panel id, values, language)`: a sentence for each field that is filled in wrongly, by its id. Pure and quick, and
of the id alone, so that it holds for a form that was opened before a restart, too.

Where a platform can keep a form open, its adapter asks this before it takes the form, and shows the sentences at their
fields; a form that was taken has been asked about nothing, and may be wrong all the same.
"""


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a sentence that only its asker sees. `id` (at most 60 characters) comes back in `Chosen`."""

    id: str
    label: str
    style: Literal["plain", "primary", "danger"] = "plain"
