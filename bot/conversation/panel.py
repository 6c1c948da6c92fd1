"""The settings as a form, and what comes back from it. Pure. Law: a field that was not submitted does not change, and a
mistake in one field is a sentence about that field alone.

Each choice offers to follow the level above and says what that is at the moment; a text that is left empty follows it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from bot import sentences
from bot.claude.models import Model
from bot.conversation.panel_fields import ASKED, AUTO, GROUPS, LANGUAGE, Asked
from bot.conversation.preferences import ADDING_UP, WORKSPACE_ONLY, Preferences, Scope
from bot.panels import Field, FieldKind, Group, Option, Panel
from bot.translations import NAMES, say

FOLLOW = "follow"  # the value of the choice that follows the level above
_PREFIX = "settings"
# Discord's selects hold 25 options and its lists of people 25 names; one option is FOLLOW.
_OPTIONS = 24
_NAMES = 25
_LABEL = 75
_MODEL_ID = re.compile(r"[\w.:/@\[\]-]{1,100}", re.ASCII)  # an option holds 100 on Discord
_DOLLARS = re.compile(r"\$?\s*(\d{1,7})(?:[.,](\d{1,2}|\d{4,6}))?\s*\$?", re.ASCII)
_PERSONA = 2_000  # what a text holds on both platforms; Slack takes 3,000

# ---------------------------------------------------------------------------------------------------- the form


def panel_id(scope: Scope, channel: str) -> str:
    """The id of the form of this scope; `scope_of` reads it again."""
    return f"{_PREFIX}:{scope}:{channel if scope == 'channel' else ''}"


def scope_of(id_: str) -> tuple[Scope, str] | None:
    """Which scope a submitted form is of, and which channel ("" for a workspace); None: it is another form."""
    match id_.split(":"):
        case [prefix, "channel", channel] if prefix == _PREFIX and channel:
            return "channel", channel
        case [prefix, "workspace", ""] if prefix == _PREFIX:
            return "workspace", ""
    return None


def settings_panel(
    scope: Scope,
    above: Preferences,
    changes: Mapping[str, Any],
    models: Sequence[Model],
    *,
    channel: str = "",
    language: str = "",
    without: Collection[str] = (),
) -> Panel:
    """The form of a channel or of a workspace.

    above     what holds where nothing is set here: `resolve(defaults, workspace, {})` for a channel
    changes   what is set here (the store's mapping for this very scope)
    without   names of `Preferences` that mean nothing on this platform; what the environment locked is left out, too
    """
    form = _Form(scope, above, changes, models, language)
    left_out = {*without, *above.locked, *(WORKSPACE_ONLY if scope == "channel" else ("always_on",))}
    groups = []
    for id_, title, asked in GROUPS:
        fields = tuple(form.field(one) for one in asked if one.name not in left_out)
        if fields:
            groups.append(Group(id_, say(language, title), fields))
    in_channel = scope == "channel"
    return Panel(
        id=panel_id(scope, channel),
        title=say(
            language, sentences.SETTINGS_TITLE_CHANNEL if in_channel else sentences.SETTINGS_TITLE_WORKSPACE
        ),
        intro=say(
            language, sentences.SETTINGS_INTRO_CHANNEL if in_channel else sentences.SETTINGS_INTRO_WORKSPACE
        ),
        groups=tuple(groups),
        submit=say(language, sentences.SETTINGS_SUBMIT),
        language=language,
    )


@dataclass(frozen=True, slots=True)
class _Form:
    """What all fields of one form have in common."""

    scope: Scope
    above: Preferences
    changes: Mapping[str, Any]
    models: Sequence[Model]
    language: str

    def field(self, asked: Asked) -> Field:
        set_ = self.changes.get(asked.name)
        match asked.kind:
            case "model" | "choice" | "switch":
                options = self._options(asked, set_)
                value = FOLLOW if set_ is None else _option(set_)
                return self._made(asked, "choice", (value,), options=options)
            case "people" | "roles" | "ids":
                ids = tuple(str(id_) for id_ in set_ or ())
                if asked.kind == "ids" or len(ids) > _NAMES:
                    told = (", ".join(ids),) if ids else ()
                    return self._made(asked, "text", told, hint=say(self.language, sentences.IDS_HINT))
                hint = ""
                if self.scope == "channel":
                    adds = asked.name in ADDING_UP
                    hint = sentences.ADDED_TO_EVERYWHERE if adds else sentences.EMPTY_MEANS_LIST
                return self._made(asked, asked.kind, ids, hint=say(self.language, hint) if hint else "")
            case "persona":
                told = () if set_ is None else (set_ or "-",)
                hint = say(self.language, sentences.EMPTY_MEANS_PERSONA)
                return self._made(asked, "paragraph", told, hint=hint, limit=_PERSONA)
            case "number" | "dollars":
                told = () if set_ is None else (_written(asked, set_),)
                return self._made(asked, "text", told, hint=self._empty_means(asked), limit=20)

    def _made(
        self,
        asked: Asked,
        kind: FieldKind,
        values: tuple[str, ...],
        *,
        options: tuple[Option, ...] = (),
        hint: str = "",
        limit: int = 0,
    ) -> Field:
        label = say(self.language, asked.label)
        return Field(asked.name, label, kind, values, options=options, hint=hint, limit=limit)

    def _options(self, asked: Asked, set_: object) -> tuple[Option, ...]:
        labels = self._labels(asked)
        held = _option(getattr(self.above, asked.name))
        follows = sentences.AS_EVERYWHERE if self.scope == "channel" else sentences.AS_USUAL
        first = Option(FOLLOW, _short(say(self.language, follows, value=labels.get(held, held))))
        if asked.kind == "model" and isinstance(set_, str) and set_ not in list(labels)[:_OPTIONS]:
            labels = {set_: labels.get(set_, set_), **labels}
        if asked.name == "effort" and set_ != "off":
            del labels[
                "off"
            ]  # for servers that do not know the effort: the operator knows whether this is one
        return (first, *[Option(value, _short(label)) for value, label in labels.items()][:_OPTIONS])

    def _labels(self, asked: Asked) -> dict[str, str]:
        """What each value of a choice is called."""
        if asked.kind == "model":
            return {model.id: model.name for model in self.models if _MODEL_ID.fullmatch(model.id)}
        if asked.kind == "switch":
            return {"on": say(self.language, sentences.YES), "off": say(self.language, sentences.NO)}
        if asked.name == LANGUAGE:  # languages are called what they call themselves
            return {AUTO: say(self.language, sentences.LANGUAGE_OF_PERSON), **NAMES}
        return {value: say(self.language, label) for value, label in asked.options}

    def _empty_means(self, asked: Asked) -> str:
        held = getattr(self.above, asked.name)
        zero = say(self.language, asked.zero) if asked.zero else ""
        value = zero if not held and zero else _written(asked, held)
        if not zero:
            return say(self.language, sentences.AS_USUAL, value=value)
        return say(self.language, sentences.EMPTY_MEANS, value=value, zero=zero)


def _option(value: Any) -> str:
    """The value of the option that stands for this value of a preference."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) or AUTO


def _written(asked: Asked, value: Any) -> str:
    """A number as it may be written into the form."""
    if asked.kind != "dollars":
        return str(value)
    whole, part = divmod(int(value), 1_000_000)
    if not part:
        return str(whole)
    return f"{whole}.{part // 10_000:02}" if part % 10_000 == 0 else f"{whole}.{part:06}"


def _short(label: str) -> str:
    return label if len(label) <= _LABEL else label[: _LABEL - 1] + "…"


# ---------------------------------------------------------------------------------------------------- what comes back


def changed(
    values: Mapping[str, tuple[str, ...]], scope: Scope, *, language: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """What a submitted form changes, for `store.preferences.change`: name -> value, None: no longer set here.

    Second: a sentence for each mistake; a field with a mistake is not among the changes. Fields that are not in
    `values`, or not known, change nothing.
    """
    changes, mistakes = _all_read(values, scope)
    told = [
        say(
            language,
            sentences.MISTAKE,
            field=say(language, ASKED[name].label),
            problem=mistake.told(language),
        )
        for name, mistake in mistakes.items()
    ]
    return changes, told


def mistakes(id_: str, values: Mapping[str, tuple[str, ...]], language: str) -> Mapping[str, str]:
    """What `changed` would complain of in a form of this id, by field; see `bot.panels.Check`."""
    target = scope_of(id_)
    if target is None:
        return {}
    _, found = _all_read(values, target[0])
    told = {name: mistake.told(language) for name, mistake in found.items()}
    # At its own field it is a sentence of its own.
    return {name: problem[:1].upper() + problem[1:] for name, problem in told.items()}


def _all_read(
    values: Mapping[str, tuple[str, ...]], scope: Scope
) -> tuple[dict[str, Any], dict[str, _Mistake]]:
    """(what was filled in rightly, what wrongly), by field."""
    changes: dict[str, Any] = {}
    wrong: dict[str, _Mistake] = {}
    for name, told in values.items():
        asked = ASKED.get(name)
        if asked is None or (scope == "channel" and name in WORKSPACE_ONLY):
            continue
        try:
            changes[name] = _read(asked, told)
        except _Mistake as mistake:
            wrong[name] = mistake
    return changes, wrong


def warnings(preferences: Preferences, *, language: str = "") -> list[str]:
    """What a manager should know of settings that are valid, but hardly meant."""
    listed = preferences.allowed_people or preferences.allowed_groups
    if preferences.who_asks == "listed" and not listed:
        return [say(language, sentences.NOBODY_LISTED)]
    return []


class _Mistake(Exception):
    def __init__(self, sentence: str, **blanks: object) -> None:
        super().__init__(sentence)
        self._sentence = sentence
        self._blanks = blanks

    def told(self, language: str) -> str:
        """What is wrong, without saying where."""
        return say(language, self._sentence, **self._blanks)


def _read(asked: Asked, told: tuple[str, ...]) -> Any:
    """The value that was submitted; None where the level above is to be followed."""
    if asked.kind in ("people", "roles", "ids"):
        # A list that is too long for a select comes as a text.
        ids = sorted({id_ for one in told for id_ in re.split(r"[\s,;]+", one)} - {""})
        return ids or None
    value = told[0].strip() if told else ""
    if not value or value == FOLLOW:
        return None
    match asked.kind:
        case "switch":
            if value not in ("on", "off"):
                raise _Mistake(sentences.MISTAKE_CHOICE)
            return value == "on"
        case "choice":
            if value not in dict(asked.options):
                raise _Mistake(sentences.MISTAKE_CHOICE)
            return "" if value == AUTO else value
        case "model":
            if not _MODEL_ID.fullmatch(value):
                raise _Mistake(sentences.MISTAKE_CHOICE)
            return value
        case "persona":
            if len(value) > _PERSONA:
                raise _Mistake(sentences.MISTAKE_LONG, limit=f"{_PERSONA:,}")
            return "" if value == "-" else value
        case "number":
            if not re.fullmatch(r"[0-9]{1,9}", value) or not asked.least <= int(value) <= asked.most:
                raise _Mistake(sentences.MISTAKE_NUMBER, least=asked.least, most=asked.most)
            return int(value)
        case "dollars":
            return _micros(value)


def _micros(written: str) -> int:
    """Millionths of a dollar: of "2", "2.50", "2,50", "$2.50". "1,000" is one dollar to some and a thousand to others."""
    found = _DOLLARS.fullmatch(written)
    if found is None:
        raise _Mistake(sentences.MISTAKE_DOLLARS)
    amount = Decimal(f"{found[1]}.{found[2] or 0}") * 1_000_000
    if amount > 10**12:
        raise _Mistake(sentences.MISTAKE_DOLLARS)
    return int(amount.to_integral_value(ROUND_HALF_UP))
