"""Forms as Discord has them, and what comes back. Pure, but for what it remembers of open forms. Law: every body that is
made here is one that Discord takes: 5 rows, 25 choices, 100 characters.

A form of a few texts is a modal. Any other is a message that only its asker sees: a select for each choice, and for the
texts of a group buttons, named after them, that open it as a modal. All words of a message stand above its controls, and a
select shows its choice where its name was: so each choice carries the name. Selects and buttons carry a short id, under which the form is remembered; a
modal carries the form's own id and outlives a restart.

Limits: docs components/reference (a select in a row of its own, 25 options, label and value 100, placeholder 150; a text
input 4000, label 45; a modal 1-5 inputs, title 45; custom_id 100).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from adapters.discord.inert import escape, hush
from adapters.discord.outbound import CONTENT, NONE_PINGED, SUPPRESS_EMBEDS, row, signed, unsigned
from adapters.discord.seen import Recent
from bot.ports import Field, Group, Panel

ROWS: Final = 5
OPTIONS: Final = 25
INPUTS: Final = 5
TEXT: Final = 4_000

FORM: Final = "form"
ABOUT: Final = "about"
"""A form about a message, whose id stands where that of the open form does."""
PICK: Final = "pick"
GROUP: Final = "group"

_INPUT: Final = 4
_SELECTS: Final[Mapping[str, int]] = {"choice": 3, "choices": 3, "people": 5, "roles": 6}
_DEFAULTS: Final[Mapping[str, str]] = {"people": "user", "roles": "role"}
_TYPED: Final = ("text", "paragraph")

KEPT: Final = 1_000
"""Forms that stand open at once, over all servers; the oldest is forgotten first."""

OPEN_SECONDS: Final = 3_600.0
"""A settings form that was left open for longer shows values that others may have changed."""


def as_modal(panel: Panel, opened: str = "") -> dict[str, Any] | None:
    """The form as one modal; None where it does not fit one."""
    if len(panel.groups) != 1:
        return None
    [group] = panel.groups
    if not 1 <= len(group.fields) <= INPUTS or any(one.kind not in _TYPED for one in group.fields):
        return None
    return _modal(panel, panel.title, group, opened)


def modal_of(panel: Panel, group: int, opened: str) -> dict[str, Any] | None:
    """The texts of one group, for its button."""
    if not 0 <= group < len(panel.groups):
        return None
    found = panel.groups[group]
    texts = tuple(one for one in found.fields if one.kind in _TYPED)
    return _modal(panel, found.title, replace(found, fields=texts[:INPUTS]), opened) if texts else None


def _modal(panel: Panel, title: str, group: Group, opened: str) -> dict[str, Any]:
    about = panel.about.message.message if panel.about is not None else ""
    return {
        "custom_id": signed(ABOUT, about, panel.id) if about else signed(FORM, opened, panel.id),
        "title": _short(title, 45) or _short(panel.title, 45),
        "components": [row(_input(one)) for one in group.fields],
    }


def _input(field: Field) -> dict[str, Any]:
    most = min(field.limit or TEXT, TEXT)
    made: dict[str, Any] = {
        "type": _INPUT,
        "custom_id": field.id,
        "label": _short(field.label, 45),
        "style": 2 if field.kind == "paragraph" else 1,
        "required": field.required,
        "max_length": most,
    }
    value = field.values[0][:most] if field.values else ""
    if value:
        made["value"] = value
    if field.hint:
        made["placeholder"] = _short(field.hint, 100)
    return made


# ------------------------------------------------------------------------------------------------------ as messages


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of components, and what stands about it in the message, where it does not say itself what it is."""

    components: tuple[dict[str, Any], ...]
    group: str
    line: str = ""


def as_messages(panel: Panel, opened: str) -> list[dict[str, Any]]:
    """The form as messages for one person, of at most five rows each; a group is kept together where it fits."""
    pages: list[list[_Row]] = [[]]
    for number, group in enumerate(panel.groups):
        rows = list(_rows(group, number, opened))
        if len(pages[-1]) + len(rows) > ROWS and pages[-1]:
            pages.append([])
        while len(rows) > ROWS:
            pages[-1], rows = rows[:ROWS], rows[ROWS:]
            pages.append([])
        pages[-1] += rows
    head = [f"## {_plain(panel.title)}", *([hush(panel.intro)] if panel.intro else [])]
    return [
        {
            "content": "\n".join([*([] if index else head), *_told(page)])[:CONTENT] or "\u200b",
            "allowed_mentions": dict(NONE_PINGED),
            "flags": SUPPRESS_EMBEDS,
            "components": [row(*one.components) for one in page],
        }
        for index, page in enumerate(pages)
    ]


def _told(page: Sequence[_Row]) -> Iterator[str]:
    """Which groups the rows are of, in their order, and what has to be said of them."""
    group = ""
    for one in page:
        if one.group and one.group != group:
            yield f"**{_plain(one.group)}**"
        group = one.group
        if one.line:
            yield f"- {one.line}"


def _rows(group: Group, number: int, opened: str) -> Iterator[_Row]:
    for field in group.fields:
        if field.kind not in _TYPED:
            yield from _selects(field, group.title, opened)
    texts = [field for field in group.fields if field.kind in _TYPED]
    if texts:
        yield _Row(tuple(_button(field, number, opened) for field in texts[:INPUTS]), group.title)


def _button(field: Field, number: int, opened: str) -> dict[str, Any]:
    """To the modal of its group; the dots say that something opens."""
    return {
        "type": 2,
        "style": 2,
        "label": f"{_short(field.label, 79)}…",
        "custom_id": signed(GROUP, opened, f"{number}.{field.id}"),
    }


def _selects(field: Field, group: str, opened: str) -> Iterator[_Row]:
    """One select; as many as it takes where there are more than 25 choices."""
    line = _plain(field.label) + (f": {hush(field.hint)}" if field.hint else "")
    select: dict[str, Any] = {
        "type": _SELECTS[field.kind],
        "placeholder": _short(field.label, 150),
        "min_values": 1 if field.required else 0,
        "max_values": 1 if field.kind == "choice" else OPTIONS,
    }
    if field.kind in _DEFAULTS:
        held = [{"id": id_, "type": _DEFAULTS[field.kind]} for id_ in field.values[:OPTIONS] if id_.isdigit()]
        select |= {"custom_id": signed(PICK, opened, field.id), **({"default_values": held} if held else {})}
        yield _Row((select,), group, line)
        return
    one = field.kind == "choice"
    for part, first in enumerate(range(0, len(field.options), OPTIONS)):
        options = [
            {
                "value": option.value[:100],
                "label": _named(field.label, option.label) if one else _short(option.label, 100) or "…",
                "default": option.value in field.values,
            }
            for option in field.options[first : first + OPTIONS]
        ]
        made = {
            **select,
            "custom_id": signed(PICK, opened, field.id if not part else f"{field.id}.{part}"),
            "options": options,
            "max_values": min(select["max_values"], len(options)),
        }
        if len(field.options) > OPTIONS:
            made["min_values"] = 0  # what is chosen may stand in the other select
        yield _Row((made,), group, line if not part and (field.hint or not one) else "")


def _named(field: str, option: str) -> str:
    """A choice with what it is of, in 100 characters; the choice is what must not be cut."""
    choice = _short(option, 90) or "…"
    return f"{_short(field, 98 - len(choice))}: {choice}"


# ------------------------------------------------------------------------------------------------------ what comes back


@dataclass(frozen=True, slots=True)
class Opened:
    """A form that somebody has before them."""

    panel: Panel
    until: float


class OpenForms:
    """The forms that stand open as messages, by short id. Bounded, and lost with a restart."""

    def __init__(self) -> None:
        self._open: Recent[str, Opened] = Recent(KEPT)

    def remember(self, panel: Panel, now: float) -> str:
        opened = secrets.token_hex(5)
        self._open.put(opened, Opened(panel, now + OPEN_SECONDS))
        return opened

    def get(self, opened: str, now: float) -> Panel | None:
        found = self._open.get(opened)
        return found.panel if found is not None and now < found.until else None

    def filled_in(self, opened: str, values: Mapping[str, tuple[str, ...]]) -> None:
        """Keep what was submitted, so that a form that is opened again shows it."""
        found = self._open.get(opened)
        if found is None:
            return
        groups = tuple(
            replace(
                group,
                fields=tuple(
                    replace(one, values=values[one.id]) if one.id in values else one for one in group.fields
                ),
            )
            for group in found.panel.groups
        )
        self._open.put(opened, replace(found, panel=replace(found.panel, groups=groups)))


@dataclass(frozen=True, slots=True)
class Submission:
    """A modal that was sent off: which form, as which open message ("" for none), each field that it had, and the id of
    the message that it is about ("" for none).
    """

    panel: str
    opened: str
    values: Mapping[str, tuple[str, ...]]
    about: str = ""


def sent(data: Mapping[str, Any]) -> Submission | None:
    """A modal's submission; None where it is not one of ours. What was left empty has no value."""
    custom_id = str(data.get("custom_id") or "")
    about, panel = unsigned(custom_id, ABOUT) or ("", "")
    opened = ""
    if not about:
        parts = unsigned(custom_id, FORM)
        if parts is None:
            return None
        opened, panel = parts
    values: dict[str, tuple[str, ...]] = {}
    for one in _inputs(data.get("components")):
        if isinstance(one.get("values"), list):
            values[str(one["custom_id"])] = tuple(str(value) for value in one["values"])
        else:
            value = str(one.get("value") or "")
            values[str(one["custom_id"])] = (value,) if value.strip() else ()
    return Submission(panel, opened, values, about)


def _inputs(components: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Inputs stand in rows or in labels (docs: modal submit data)."""
    for one in components if isinstance(components, list) else ():
        if not isinstance(one, Mapping):
            continue
        if one.get("custom_id"):
            yield one
        elif depth < 3:
            yield from _inputs(one.get("components"), depth + 1)
            held = one.get("component")
            yield from _inputs([held] if held else [], depth + 1)


@dataclass(frozen=True, slots=True)
class Picked:
    """A choice in a select of an open form."""

    opened: str
    field: str
    values: tuple[str, ...]


def picked(data: Mapping[str, Any]) -> Picked | None:
    parts = unsigned(str(data.get("custom_id") or ""), PICK)
    if parts is None:
        return None
    opened, name = parts
    return Picked(opened, name.partition(".")[0], tuple(str(value) for value in data.get("values") or ()))


def group_of(custom_id: str) -> tuple[str, int] | None:
    """(short id, number of the group) of a button that opens a group's texts."""
    opened, told = unsigned(custom_id, GROUP) or ("", "")
    number = told.partition(".")[0]
    return (opened, int(number)) if number.isdecimal() else None


def pages_of(text: str) -> Sequence[str]:
    """A text of ours in messages of 2000 characters, parted at lines where that goes."""
    pages: list[str] = []
    rest = text.strip()
    while len(rest) > CONTENT:
        cut = rest.rfind("\n", 1, CONTENT)
        cut = cut if cut > 0 else CONTENT
        pages.append(rest[:cut])
        rest = rest[cut:].strip("\n")
    return [*pages, rest] if rest else pages


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _plain(text: str) -> str:
    return hush(escape(text, 0, len(text)))
