"""Words in a question that choose the answer. Law: pure; a question without such words is an ordinary question.

    #script:tables      an answer of the library
    #chars:1500         an answer of exactly that many characters of prose
    #speed:300          characters per sandbox second
    #piece:4            every text delta has that many characters
    #fault:529          a fault: an HTTP status, a kind of script.KINDS, or the type of an error event
    #fault:fin@300      ... after 300 characters of text (fin@-1: before message_start)
    #fault:429:times=2:retry_after=3    ... with fields of script.Fault
    #first_byte:2  #first_text:2        seconds of silence

A fault in a question strikes each time the question is asked, unless `times` says how often.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import get_args

from sandbox.claude.script import Fault, Kind

# A chat platform may hand the question on with escapes (`overloaded\_error`), which are not part of the word.
_ESCAPE = re.compile(r"\\([_#:@*=-])")
_TAG = re.compile(r"#(script|chars|speed|piece|write|fault|first_byte|first_text):([^\s<>\"'`,;)\]]+)")

_INTEGERS = frozenset({"at", "status", "times"})
_SECONDS = frozenset({"retry_after", "seconds"})
_WORDS = frozenset({"error", "message", "error_code", "category"})
ERROR_TYPES = frozenset(
    {
        "overloaded_error",
        "api_error",
        "rate_limit_error",
        "timeout_error",
        "invalid_request_error",
        "billing_error",
        "permission_error",
        "authentication_error",
    }
)
_ALIASES = {"context": "model_context_window_exceeded", "end": "unfinished", "cut": "fin"}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the words of a question ask for; `mistakes` are sentences about words that could not be read."""

    script: str = ""
    chars: int | None = None
    speed: float | None = None
    piece: int | None = None
    write: int | None = None
    first_byte: float | None = None
    first_text: float | None = None
    faults: tuple[tuple[str, Fault], ...] = ()
    mistakes: tuple[str, ...] = ()


def read(question: str) -> Wishes:
    """The wishes in a question; of two words of the same kind the later counts, faults add up."""
    script = ""
    numbers: dict[str, float] = {}
    faults: list[tuple[str, Fault]] = []
    mistakes: list[str] = []
    for name, raw in _TAG.findall(_ESCAPE.sub(r"\1", question)):
        # A full stop, or the end of an emphasis that somebody put around the word.
        value = raw.rstrip(".!?*_~")
        try:
            if name == "script":
                script = value
            elif name == "fault":
                faults.append((value, fault(value)))
            else:
                numbers[name] = _positive(name, value)
        except ValueError as error:
            mistakes.append(str(error))
    return Wishes(
        script=script,
        chars=_whole(numbers.get("chars")),
        speed=numbers.get("speed"),
        piece=_whole(numbers.get("piece")),
        write=_whole(numbers.get("write")),
        first_byte=numbers.get("first_byte"),
        first_text=numbers.get("first_text"),
        faults=tuple(faults),
        mistakes=tuple(mistakes),
    )


def without(question: str) -> str:
    """The question as a person would read it."""
    return " ".join(_TAG.sub(" ", _ESCAPE.sub(r"\1", question)).split())


def fault(words: str, *, times: int = 0) -> Fault:
    """`529:times=2`, `fin@300`, `overloaded_error@50` -> Fault. Raises ValueError with a sentence."""
    head, *rest = words.split(":")
    name, _, place = head.partition("@")
    name = _ALIASES.get(name, name)
    fields: dict[str, int | float | str] = {"times": times}
    if place:
        fields["at"] = _integer("at", place)
    for pair in rest:
        key, sign, value = pair.partition("=")
        if not sign or key not in _INTEGERS | _SECONDS | _WORDS:
            raise ValueError(f"a fault has no field {key!r}, as in {words!r}")
        if key in _INTEGERS:
            fields[key] = _integer(key, value)
        elif key in _SECONDS:
            fields[key] = _positive(key, value)
        else:
            fields[key] = value.replace("_", " ") if key == "message" else value
    kind: Kind
    if name.isdigit():
        kind = "http"
        fields["status"] = int(name)
    elif name in ERROR_TYPES:
        kind = "error"
        fields["error"] = name
    elif name in get_args(Kind):
        kind = name  # type: ignore[assignment]  # just looked up among the literal's values
    else:
        raise ValueError(
            f"no fault is called {name!r}; there are {', '.join(get_args(Kind))}, and HTTP statuses"
        )
    return Fault(kind, **fields)  # type: ignore[arg-type]  # each value was read by its key's type above


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _positive(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"{name} is a number, not {value!r}") from None
    # A zero is no speed and no size; a first byte may come at once.
    lowest = 0.0 if name in {"first_byte", "first_text", "retry_after", "seconds", "chars"} else 1e-9
    if not lowest <= number < 1e9:
        raise ValueError(f"{name} is a positive number, not {value}")
    return number


def _integer(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"{name} is a whole number, not {value!r}") from None
