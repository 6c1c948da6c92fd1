"""What a person types behind a slash command. Law: only what Discord's client would send comes out of here.

Docs: interactions/application-commands (option types 1-11; choices are the only values where they are given).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.discord.state import Json


def subcommands(options: Sequence[Json]) -> list[str]:
    """The names of the subcommands that were chosen."""
    return [
        name
        for option in options
        if option["type"] in (1, 2)
        for name in (option["name"], *subcommands(option.get("options") or []))
    ]


def options_of(offered: Sequence[Json], text: str) -> list[Json]:
    """What a person typed, by the options that the command offers.

    "settings model opus" picks subcommands by their names; "question:What? model:fast" fills options by theirs; any
    other text goes to the first option. Raises ValueError with a sentence where a required option stays empty.
    """
    text = text.strip()
    nested = [option for option in offered if option["type"] in (1, 2)]
    if nested:
        word, _, rest = text.partition(" ")
        found = next((option for option in nested if option["name"] == word), None)
        if found is None:
            known = ", ".join(option["name"] for option in nested)
            raise ValueError(f"the command goes on with one of {known}, not {word!r}")
        return [
            {
                "name": found["name"],
                "type": found["type"],
                "options": options_of(found.get("options") or [], rest),
            }
        ]
    values = _split(offered, text)
    filled: list[Json] = []
    for option in offered:
        raw = values.get(option["name"], "")
        if not raw:
            if option.get("required"):
                raise ValueError(f"the option {option['name']!r} is required")
            continue
        filled.append({"name": option["name"], "type": option["type"], "value": _value(option, raw)})
    if text and not offered:
        raise ValueError(f"the command takes no text, but was given {len(text)} characters")
    return filled


def _split(offered: Sequence[Json], text: str) -> dict[str, str]:
    """Where the options' names stand as `name:`, the text between them; otherwise all of it for the first option."""
    found = []
    for option in offered:
        mark = f"{option['name']}:"
        place = 0 if text.startswith(mark) else text.find(f" {mark}") + 1
        if text.startswith(mark, place) and (place or text.startswith(mark)):
            found.append((place, place + len(mark), option["name"]))
    found.sort()
    if not found or found[0][0] != 0:
        return {offered[0]["name"]: text} if offered else {}
    ends = [start for start, _, _ in found[1:]] + [len(text)]
    return {name: text[begin:end].strip() for (_, begin, name), end in zip(found, ends, strict=True)}


def _value(option: Json, raw: str) -> Any:
    """A typed value. Raises ValueError with a sentence where a person could not have sent it."""
    choices = option.get("choices") or []
    if choices:
        found = next((one for one in choices if raw in (one["name"], str(one["value"]))), None)
        if found is None:
            raise ValueError(
                f"{option['name']!r} offers {', '.join(one['name'] for one in choices)}, not {raw!r}"
            )
        return found["value"]
    kind = option["type"]
    if kind == 4:
        return int(raw)
    if kind == 10:
        return float(raw)
    if kind == 5:
        return raw.lower() in ("true", "yes", "1")
    if kind in (6, 7, 8, 9):
        return raw.strip("<@&#!>")
    least, most = option.get("min_length") or 0, option.get("max_length") or 6000
    if not least <= len(raw) <= most:
        raise ValueError(f"{option['name']!r} takes {least} to {most} characters, not {len(raw)}")
    return raw
