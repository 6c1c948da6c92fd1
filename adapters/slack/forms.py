"""A `Panel` as one of Slack's modals, and a modal that was sent off as its values. Law: pure; what Slack would not take is
made to fit, so that a form opens whatever it holds.

Figures: docs.slack.dev, views and block kit: 100 blocks; title, submit 24 characters; header 150, section 3,000, hint
2,000; an option's text 75, its value 150; 100 options; private_metadata 3,000; a text input 3,000.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from adapters.slack.blocks import inert
from adapters.slack.payloads import PLATFORM, Malformed, Payload, part, text
from bot.ports import Field, Group, Line, Option, Panel, Person, Place, Ref

log = logging.getLogger(__name__)

Block: TypeAlias = dict[str, Any]

CALLBACK = "inkstream:panel:"
VALUE = "value"  # the action id of each field; its block id is the field's own

MOST_BLOCKS = 100
MOST_OPTIONS = 100
LONGEST_TITLE = 24
LONGEST_HEADER = 150
LONGEST_INTRO = 3_000
LONGEST_HINT = 2_000
LONGEST_TEXT = 3_000
LONGEST_OPTION = 75
LONGEST_VALUE = 150
LONGEST_METADATA = 3_000
LONGEST_KEPT = 2_000  # leaves room for the place

_PERSON = re.compile(r"[UW][A-Z0-9]{1,30}")

NAMELESS = "-"  # Slack takes no empty text

_SIGN = "="
"""Stands before each option's value: Slack takes no empty one, and "" may well be a choice."""


def view(panel: Panel, place: Place, groups: Sequence[Option]) -> Block:
    """The modal. `place` and its route come back with it; `groups` are the user groups that a "roles" field offers."""
    return {
        "type": "modal",
        "callback_id": CALLBACK + panel.id,
        "private_metadata": _packed(panel, place),
        "title": _plain(panel.title, LONGEST_TITLE),
        "submit": _plain(panel.submit, LONGEST_TITLE),
        "blocks": _blocks(panel, groups),
    }


def panel_of(shown: Payload) -> str:
    """The id of the panel that a view is; "" where it is none of ours."""
    callback = text(shown, "callback_id")
    return callback.removeprefix(CALLBACK) if callback.startswith(CALLBACK) else ""


def place_of(shown: Payload) -> Place:
    """Where the form was opened. Raises Malformed."""
    kept = _metadata(shown)
    return Place(
        PLATFORM,
        text(kept, "team"),
        text(kept, "channel"),
        thread=text(kept, "thread"),
        reply_to=text(kept, "reply_to"),
        private=kept.get("private") is True,
        route=text(kept, "route"),
    )


def language_of(shown: Payload) -> str:
    """The language of the form's words. Raises Malformed."""
    return text(_metadata(shown), "language")


def about_of(shown: Payload) -> Line | None:
    """The message that the form is about, with as many of its words as there was room for. Raises Malformed."""
    kept = _metadata(shown)
    about = part(kept, "about")
    if not text(about, "ts"):
        return None
    return Line(
        Ref(text(kept, "channel"), text(about, "ts")),
        Person(text(about, "by"), text(about, "name")),
        text(about, "text"),
        ours=about.get("ours") is True,
    )


def _packed(panel: Panel, place: Place) -> str:
    """What has to come back with the form, so that it can be sent off after a restart, too."""
    told: dict[str, Any] = {
        "team": place.workspace,
        "channel": place.channel,
        "thread": place.thread,
        "reply_to": place.reply_to,
        "private": place.private,
        "route": place.route,
        "language": panel.language,
    }
    if kept := _kept(panel):
        told["kept"] = kept
    about = panel.about
    if about is None or about.message.channel != place.channel:
        return _json(told)
    told["about"] = {
        "ts": about.message.message,
        "by": about.person.id,
        "name": about.person.name[:LONGEST_OPTION],
        "ours": about.ours,
    }
    bare = _json(told)
    if _size(bare) > LONGEST_METADATA:
        del told["about"]
        return _json(told)
    room = LONGEST_METADATA - _size(bare) - len(',"text":""')
    told["about"]["text"] = _fitting(about.text, room)
    return _json(told)


def _fitting(words: str, room: int) -> str:
    """As many of the words as fit, by halves: an escaped character may be longer than another."""
    fits, over = 0, len(words) + 1
    while over - fits > 1:
        half = (fits + over) // 2
        fits, over = (half, over) if _size(_json(words[:half])) - len('""') <= room else (fits, half)
    return words[:fits]


def _json(told: object) -> str:
    """Nothing in it that Slack escapes in texts: what comes back is what was sent."""
    packed = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    for live in "&<>":
        packed = packed.replace(live, f"\\u{ord(live):04x}")
    return packed


def _size(packed: str) -> int:
    """In bytes: Slack speaks of characters, and may count either."""
    return len(packed.encode("utf-8", "surrogatepass"))


def _metadata(shown: Payload) -> Payload:
    try:
        kept = json.loads(text(shown, "private_metadata"))
    except ValueError:
        kept = None
    if not isinstance(kept, Mapping):
        raise Malformed("private_metadata")
    return kept


def values(shown: Payload) -> dict[str, tuple[str, ...]]:
    """What was filled in, by field; an empty tuple for a field that was left empty."""
    blocks = part(part(shown, "state"), "values")
    found: dict[str, tuple[str, ...]] = {}
    for field, actions in blocks.items():
        if isinstance(actions, Mapping):
            states = [state for state in actions.values() if isinstance(state, Mapping)]
            found[field] = tuple(value for state in states for value in _filled(state))
    for field, ids in part(_metadata(shown), "kept").items():
        if field in found and isinstance(ids, list):
            found[field] += tuple(id_ for id_ in ids if isinstance(id_, str))
    return found


def _kept(panel: Panel) -> dict[str, list[str]]:
    """What Slack's picker of people cannot show (an integration that has no user) stays set all the same."""
    fields = (field for group in panel.groups for field in group.fields if field.kind == "people")
    odd = {field.id: [id_ for id_ in field.values if not _PERSON.fullmatch(id_)] for field in fields}
    kept = {id_: ids for id_, ids in odd.items() if ids}
    return kept if len(json.dumps(kept)) <= LONGEST_KEPT else {}


def _filled(state: Payload) -> Iterable[str]:
    if "selected_options" in state:
        chosen = state.get("selected_options")
        return [
            _value(one) for one in (chosen if isinstance(chosen, list) else ()) if isinstance(one, Mapping)
        ]
    if "selected_option" in state:
        one = state.get("selected_option")
        return [_value(one)] if isinstance(one, Mapping) else []
    for name in ("selected_users", "selected_conversations", "selected_channels"):
        if name in state:
            ids = state.get(name)
            return [id_ for id_ in (ids if isinstance(ids, list) else ()) if isinstance(id_, str)]
    typed = text(state, "value")
    return [typed] if typed else []


def _value(option: Payload) -> str:
    return text(option, "value").removeprefix(_SIGN)


# ---------------------------------------------------------------------------------------------------------- blocks


def _blocks(panel: Panel, groups: Sequence[Option]) -> list[Block]:
    found: list[Block] = []
    if panel.intro.strip():
        intro = {"type": "mrkdwn", "text": inert(panel.intro)[:LONGEST_INTRO], "verbatim": True}
        found.append({"type": "section", "text": intro})
    for group in panel.groups:
        found += _group(group, groups, first=not found)
    if len(found) > MOST_BLOCKS:
        found = [block for block in found if block["type"] == "input"]
    if len(found) > MOST_BLOCKS:
        log.warning("a form has too many fields", extra={"panel": panel.id, "fields": len(found)})
    return found[:MOST_BLOCKS]


def _group(group: Group, groups: Sequence[Option], *, first: bool) -> list[Block]:
    fields = [block for field in group.fields if (block := _input(field, groups)) is not None]
    if not fields:
        return []
    above: list[Block] = [] if first else [{"type": "divider"}]
    if group.title.strip():
        above.append({"type": "header", "text": _plain(group.title, LONGEST_HEADER)})
    return [*above, *fields]


def _input(field: Field, groups: Sequence[Option]) -> Block | None:
    """The field as an input block; None where there is nothing to choose from, which Slack would not take."""
    element = _element(field, groups)
    if element is None:
        return None
    block: Block = {
        "type": "input",
        "block_id": field.id,
        "label": _plain(field.label or field.id, LONGEST_HINT),
        "element": {**element, "action_id": VALUE},
        "optional": not field.required,
    }
    if field.hint.strip():
        block["hint"] = _plain(field.hint, LONGEST_HINT)
    return block


def _element(field: Field, groups: Sequence[Option]) -> Block | None:
    if field.kind in ("text", "paragraph"):
        return _typed(field)
    if field.kind == "people":
        people = [id_ for id_ in dict.fromkeys(field.values) if _PERSON.fullmatch(id_)]
        return {"type": "multi_users_select", **({"initial_users": people} if people else {})}
    if field.kind == "choice":
        return _select("static_select", field.options, field.values[:1])
    return _select("multi_static_select", groups if field.kind == "roles" else field.options, field.values)


def _typed(field: Field) -> Block:
    most = min(field.limit or LONGEST_TEXT, LONGEST_TEXT)
    element: Block = {
        "type": "plain_text_input",
        "multiline": field.kind == "paragraph",
        "max_length": most,
    }
    if field.values and field.values[0]:
        element["initial_value"] = field.values[0][:most]
    return element


def _select(kind: str, offered: Sequence[Option], chosen: Sequence[str]) -> Block | None:
    known = {option.value for option in offered}
    # What is set already stays to be seen (a user group that was switched off, a model that is offered no more).
    more = [Option(value, value) for value in dict.fromkeys(chosen) if value and value not in known]
    options = {
        option.value: _option(option)
        for option in sorted((*offered, *more), key=lambda option: option.value not in chosen)[:MOST_OPTIONS]
        if len(_SIGN + option.value) <= LONGEST_VALUE
    }
    if not options:
        return None
    order = [option.value for option in (*offered, *more) if option.value in options]
    element: Block = {"type": kind, "options": [options[value] for value in dict.fromkeys(order)]}
    initial = [options[value] for value in dict.fromkeys(chosen) if value in options]
    if initial and kind == "static_select":
        element["initial_option"] = initial[0]
    elif initial:
        element["initial_options"] = initial
    return element


def _option(option: Option) -> Block:
    return {
        "text": _plain(option.label or option.value or NAMELESS, LONGEST_OPTION),
        "value": _SIGN + option.value,
    }


def _plain(words: str, longest: int) -> Block:
    short = words if len(words) <= longest else words[: longest - 1].rstrip() + "…"
    return {"type": "plain_text", "text": short.strip() or NAMELESS}
