"""Scripts and faults as JSON. Law: a word that is not understood is refused with a sentence, never passed over.

{"text": "Hello", "speed": 300, "faults": ["fin@100", {"kind": "http", "status": 529, "times": 2}]}
{"script": "tables"}     {"chars": 1500}
{"blocks": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Yes."},
{"type": "tool_use", "name": "look", "input": {}}], "stop_reason": "tool_use"}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from sandbox.claude import library, prompt
from sandbox.claude.script import KINDS, Block, Fault, Script, ServerTool, Text, Thinking, ToolUse

T = TypeVar("T")

_BLOCKS: Mapping[str, type[Text | Thinking | ToolUse | ServerTool]] = {
    "text": Text,
    "thinking": Thinking,
    "tool_use": ToolUse,
    "server_tool_use": ServerTool,
}
_SOURCES = ("text", "script", "chars", "blocks", "raw")


def script(order: Mapping[str, Any]) -> Script:
    """One answer. Raises ValueError with a sentence."""
    given = [name for name in _SOURCES if order.get(name) is not None]
    if len(given) != 1:
        raise ValueError(f"an answer is one of {', '.join(_SOURCES)}, not {' and '.join(given) or 'nothing'}")
    rest = {name: value for name, value in order.items() if name not in _SOURCES}
    faults = rest.pop("faults", [])
    if not isinstance(faults, list):
        raise ValueError("faults is a list")  # noqa: TRY004 - misuse is a ValueError throughout
    base = _base(given[0], order[given[0]])
    made = _build(Script, {**rest, "blocks": ()})
    chosen = {name: getattr(made, name) for name in rest}
    return replace(base, **chosen, faults=tuple(fault(one) for one in faults))


def fault(order: str | Mapping[str, Any]) -> Fault:
    """One fault, as the words of a prompt (`fin@300:times=2`) or as fields of `Fault`. Raises ValueError."""
    if isinstance(order, str):
        return prompt.fault(order, times=1)
    if order.get("kind") not in KINDS:
        raise ValueError(f"kind is one of {', '.join(KINDS)}")
    return _build(Fault, order)


def _base(source: str, value: Any) -> Script:
    if source == "blocks":
        if not isinstance(value, list):
            raise ValueError("blocks is a list")
        return Script(tuple(_block(one) for one in value))
    if source == "chars":
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError("chars is a whole number")
        return Script.say(library.prose(value))
    if not isinstance(value, str):
        raise ValueError(f"{source} is a string")  # noqa: TRY004 - as above
    if source == "raw":
        return Script(raw=value.encode())
    if source == "text":
        return Script.say(value)
    if value not in library.names():
        raise ValueError(f"no script is called {value!r}; there are {', '.join(library.names())}")
    return library.choose("", prompt.Wishes(script=value))


def _block(order: Any) -> Block:
    if not isinstance(order, Mapping) or order.get("type") not in _BLOCKS:
        raise ValueError(f"a block is an object whose type is one of {', '.join(_BLOCKS)}")
    return _build(_BLOCKS[order["type"]], {name: value for name, value in order.items() if name != "type"})


def _build(kind: type[T], order: Mapping[str, Any]) -> T:
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # only dataclasses come here
    for name in order:
        if name not in known:
            raise ValueError(f"there is no field {name!r}; there are {', '.join(sorted(known))}")
    try:
        return TypeAdapter(kind).validate_python(dict(order))
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
