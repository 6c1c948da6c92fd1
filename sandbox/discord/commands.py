"""REST: registering application commands. Law: what Discord would refuse to register is refused whole.

Docs: interactions/application-commands (100 slash, 15 user and 15 message commands; names 1-32; descriptions 1-100; 25
options; 25 choices; 8,000 characters in all, of each translated field its longest; required options first). Translations
are told only where the call asks for them (`with_localizations`).
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from sandbox.discord.buckets import COMMANDS
from sandbox.discord.errors import Form, Path, Refusal
from sandbox.discord.rest import Answer, Call, Route
from sandbox.discord.state import Json, State
from sandbox.record import Record

MOST = {1: 100, 2: 15, 3: 15}
TEXT_MAX = 8000
# docs, "Application Command Naming": ^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$, lower case where there is one
# docs, reference: locales
LOCALES = (
    *(
        "id",
        "da",
        "de",
        "en-GB",
        "en-US",
        "es-ES",
        "es-419",
        "fr",
        "hr",
        "it",
        "lt",
        "hu",
        "nl",
        "no",
        "pl",
        "pt-BR",
    ),
    *(
        "ro",
        "fi",
        "sv-SE",
        "vi",
        "tr",
        "cs",
        "el",
        "bg",
        "ru",
        "uk",
        "hi",
        "th",
        "zh-CN",
        "ja",
        "zh-TW",
        "ko",
    ),
)
TRANSLATED = {"name": 32, "description": 100}
SLASH_NAME = re.compile(r"[-_'\w]{1,32}", re.UNICODE)


class Commands:
    """The handlers of /applications/{a}/commands and their guild twins."""

    def __init__(self, state: State, record: Record) -> None:
        self._state, self._record = state, record

    def routes(self) -> list[Route]:
        routes = []
        for where in ("/applications/{a}/commands", "/applications/{a}/guilds/{g}/commands"):
            routes += [
                Route("GET", where, self.listed, COMMANDS),
                Route("PUT", where, self.overwrite, COMMANDS),
                Route("POST", where, self.create, COMMANDS),
                Route("GET", where + "/{m}", self.get, COMMANDS),
                Route("PATCH", where + "/{m}", self.edit, COMMANDS),
                Route("DELETE", where + "/{m}", self.delete, COMMANDS),
            ]
        return routes

    def _guild(self, call: Call) -> str:
        if call.parts["a"] != self._state.application_id:
            raise Refusal(50001)
        guild = call.parts.get("g", "")
        if guild and guild != self._state.guild_id:
            raise Refusal(50001)
        return guild

    def _of(self, guild: str) -> list[Json]:
        return [one for one in self._state.commands.values() if one.get("guild_id", "") == guild]

    def _find(self, call: Call) -> Json:
        guild = self._guild(call)
        found = self._state.commands.get(call.parts["m"])
        if found is None or found.get("guild_id", "") != guild:
            raise Refusal(10063)
        return found

    async def listed(self, call: Call) -> Answer:
        found = self._of(self._guild(call))
        if call.query.get("with_localizations", "").lower() in ("true", "1"):
            return 200, found
        return 200, [_untranslated(one) for one in found]

    async def get(self, call: Call) -> Answer:
        return 200, self._find(call)

    async def overwrite(self, call: Call) -> Answer:
        """All commands of the scope at once; those that keep their name and type keep their id."""
        guild = self._guild(call)
        if not isinstance(call.body, list):
            form = Form()
            form.wrong((), "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            form.refuse_if_wrong()
            raise Refusal(50035)
        form = Form()
        read = [_read(form, raw, (index,)) for index, raw in enumerate(call.body)]
        counts = Counter(one.get("type") for one in read)
        for kind, most in MOST.items():
            if counts[kind] > most:
                raise Refusal(30032, message=f"Maximum number of application commands reached ({most}).")
        names = Counter((one.get("type"), one.get("name")) for one in read)
        for index, one in enumerate(read):
            if names[one.get("type"), one.get("name")] > 1:
                form.wrong(
                    (index, "name"),
                    "APPLICATION_COMMANDS_DUPLICATE_NAME",
                    "Application command names must be unique",
                )
        form.refuse_if_wrong()
        before = {(one["type"], one["name"]): one for one in self._of(guild)}
        for one in before.values():
            del self._state.commands[one["id"]]
        return 200, [self._keep(one, guild, before.get((one["type"], one["name"]))) for one in read]

    async def create(self, call: Call) -> Answer:
        guild = self._guild(call)
        form = Form()
        one = _read(form, call.object, ())
        form.refuse_if_wrong()
        old = next(
            (had for had in self._of(guild) if (had["type"], had["name"]) == (one["type"], one["name"])), None
        )
        if old is None and sum(had["type"] == one["type"] for had in self._of(guild)) >= MOST.get(
            one["type"], 1
        ):
            raise Refusal(30032)
        return 200 if old is not None else 201, self._keep(one, guild, old)

    async def edit(self, call: Call) -> Answer:
        old = self._find(call)
        form = Form()
        one = _read(form, {**old, **call.object, "type": old["type"]}, ())
        form.refuse_if_wrong()
        return 200, self._keep(one, self._guild(call), old)

    async def delete(self, call: Call) -> Answer:
        del self._state.commands[self._find(call)["id"]]
        return 204, None

    def _keep(self, one: Json, guild: str, old: Json | None) -> Json:
        ident = old["id"] if old is not None else self._state.snowflake()
        command: Json = {
            "id": ident,
            "application_id": self._state.application_id,
            "version": self._state.snowflake(),
            "default_member_permissions": None,
            "nsfw": False,
            **one,
        }
        if guild:
            command["guild_id"] = guild
        else:
            command.setdefault("dm_permission", True)
            command.setdefault("contexts", None)
            command.setdefault("integration_types", [0])
        self._state.commands[ident] = command
        self._record.add(
            "command", "discord", command=ident, name=command["name"], type=command["type"], guild=guild
        )
        return command


def _read(form: Form, raw: Any, path: Path) -> Json:
    """One command, judged. The keys that Discord keeps, and no others."""
    said = form.object(raw, path)
    kind = form.number(said.get("type"), (*path, "type"), default=1)
    if kind not in MOST:
        form.wrong((*path, "type"), "BASE_TYPE_CHOICES", "Value must be one of (1, 2, 3).")
    name = form.text(said.get("name"), (*path, "name"), least=1, most=32)
    command: Json = {"type": kind, "name": name, "description": ""}
    if kind == 1:
        _slash_name(form, name, (*path, "name"))
        command["description"] = form.text(said.get("description"), (*path, "description"), least=1, most=100)
        command["options"] = _options(form, said.get("options"), (*path, "options"))
        total = _longest(said, "name") + _longest(said, "description") + _length(command["options"])
        if total > TEXT_MAX:
            form.wrong(path, "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({TEXT_MAX})")
        command |= _translations(form, said, "description", path)
    elif said.get("description"):
        form.wrong(
            (*path, "description"),
            "APPLICATION_COMMANDS_CONTEXT_MENU_DESCRIPTION_NOT_ALLOWED",
            "Context menu commands cannot have description",
        )
    command |= _translations(form, said, "name", path, slash=kind == 1)
    for key in ("default_member_permissions", "nsfw", "contexts", "integration_types", "dm_permission"):
        if said.get(key) is not None:
            command[key] = said[key]
    for key in ("contexts", "integration_types"):
        if key in command:
            command[key] = [
                form.number(one, (*path, key)) for one in form.items(command[key], (*path, key), most=3)
            ]
    return command


def _translations(form: Form, said: Json, field: str, path: Path, *, slash: bool = False) -> Json:
    """`name_localizations` or `description_localizations`: a text for each language; null where there are none."""
    key = f"{field}_localizations"
    told = form.object(said.get(key), (*path, key))
    for locale, text in told.items():
        at: Path = (*path, key, locale)
        if locale not in LOCALES:
            form.wrong(at, "BASE_TYPE_CHOICES", "Value must be one of the known locales.")
        read = form.text(text, at, least=1, most=TRANSLATED[field])
        if slash:
            _slash_name(form, read, at)
    return {key: dict(told) or None}


def _untranslated(command: Json) -> Json:
    kept = {key: value for key, value in command.items() if not key.endswith("_localizations")}
    if "options" in kept:
        kept["options"] = [_untranslated(option) for option in kept["options"]]
    return kept


def _longest(said: Json, field: str) -> int:
    told = said.get(f"{field}_localizations")
    texts = [said.get(field) or "", *(told.values() if isinstance(told, dict) else ())]
    return max(len(str(text)) for text in texts)


def _slash_name(form: Form, name: str, path: Path) -> None:
    if name and (not SLASH_NAME.fullmatch(name) or name != name.lower()):
        form.wrong(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _options(form: Form, value: Any, path: Path, depth: int = 0) -> list[Json]:
    options: list[Json] = []
    names: set[str] = set()
    optional_seen = False
    for index, raw in enumerate(form.items(value, path, most=25)):
        at: Path = (*path, index)
        said = form.object(raw, at)
        kind = form.number(said.get("type"), (*at, "type"))
        if not 1 <= kind <= 11:
            form.wrong(
                (*at, "type"),
                "BASE_TYPE_CHOICES",
                "Value must be one of (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11).",
            )
        name = form.text(said.get("name"), (*at, "name"), least=1, most=32)
        _slash_name(form, name, (*at, "name"))
        if name in names:
            form.wrong(
                (*at, "name"), "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Option name already exists"
            )
        names.add(name)
        option: Json = {
            "type": kind,
            "name": name,
            "description": form.text(said.get("description"), (*at, "description"), least=1, most=100),
            **_translations(form, said, "name", at, slash=True),
            **_translations(form, said, "description", at),
        }
        required = bool(said.get("required"))
        if kind > 2:
            if required and optional_seen:
                form.wrong(
                    at,
                    "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                    "Required options must be placed before non-required options",
                )
            optional_seen = optional_seen or not required
            option["required"] = required
        elif depth < 2:
            option["options"] = _options(form, said.get("options"), (*at, "options"), depth + 1)
        if said.get("choices"):
            option["choices"] = _choices(form, said["choices"], (*at, "choices"))
        for key in ("min_length", "max_length"):
            if said.get(key) is not None:
                option[key] = form.number(said[key], (*at, key))
        for key in ("min_value", "max_value"):
            if said.get(key) is not None:
                option[key] = _value(form, said[key], (*at, key))
        if said.get("autocomplete") is not None:
            option["autocomplete"] = form.flag(said["autocomplete"], (*at, "autocomplete"))
        if said.get("channel_types") is not None:
            listed = form.items(said["channel_types"], (*at, "channel_types"), most=20)
            option["channel_types"] = [form.number(one, (*at, "channel_types")) for one in listed]
        options.append(option)
    return options


def _choices(form: Form, value: Any, path: Path) -> list[Json]:
    choices = []
    for index, raw in enumerate(form.items(value, path, most=25)):
        said = form.object(raw, (*path, index))
        name = form.text(said.get("name"), (*path, index, "name"), least=1, most=100)
        choices.append({"name": name, "value": _value(form, said.get("value"), (*path, index, "value"))})
    return choices


def _value(form: Form, value: Any, path: Path) -> Any:
    """A choice's or a bound's value: text or a number."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        form.wrong(path, "BASE_TYPE_INVALID", "Must be a string, an integer or a number.")
        return 0
    return value


def _length(options: list[Json]) -> int:
    """Characters of names, descriptions and choices, as the 8,000 count them."""
    return sum(
        _longest(option, "name")
        + _longest(option, "description")
        + sum(len(choice["name"]) + len(str(choice["value"])) for choice in option.get("choices") or [])
        + _length(option.get("options") or [])
        for option in options
    )
