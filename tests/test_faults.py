"""The classes of fault that other bots have had, and that each of them has tests here. Law: a fault has a test that is named
after what went wrong, and says so in its docstring ("Fault 26: ...").
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
NAMED = re.compile(r"\bfault (\d+)\b", re.IGNORECASE)

# What goes wrong, in a line each; the numbers are those of the list of faults that the project keeps.
CLASSES = {
    10: "one refusal for too many calls switches growing off for good, or sets off a storm of placeholders",
    12: "a cursor, placeholder, status or reaction stays behind when the answer has ended",
    15: "an event that is delivered twice, late, or over a restart is answered again",
    16: "a change that nobody made (a preview, a counter, our own edit) counts as an edit; a message is deleted meanwhile",
    17: "the bot answers itself, or two bots answer each other",
    18: "what is shown notifies people who were not meant: everyone, a role, somebody named in the text",
    19: "context of one thread, person, place or conversation appears in another",
    20: "the bot's own errors, buttons and footers come back as history, or history dies with a message",
    22: "an interaction is acknowledged too late or twice, or its token dies under a long answer",
    23: "a file is missed, is a login page, is too large, or the token travels to somebody else's host",
    26: "stop only hides, stops what it should not, is anybody's, or races the end into two outcomes",
    31: "an old message, a locked thread or a place that is lost in the middle of an answer",
}


@cache
def named_in() -> dict[int, list[str]]:
    """The number of a fault -> "file::test" of those whose docstrings name it."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, words in _each_test(path):
            for number in {int(number) for number in NAMED.findall(words)}:
                found[number].append(f"{path.relative_to(TESTS)}::{name}")
    return found


def _each_test(path: Path) -> Iterator[tuple[str, str]]:
    """Each test of a file with its docstring."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name, ast.get_docstring(node) or ""


@pytest.mark.parametrize("number", CLASSES)
def test_each_class_of_fault_has_a_test_that_says_so(number: int) -> None:
    assert named_in()[number], f"no test names fault {number}: {CLASSES[number]}"
