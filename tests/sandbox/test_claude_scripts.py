"""The scripted answers and the words that choose them: pure, so no server here."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.claude import Fault, Script, ServerTool, Text, Thinking, conversation, library, prompt
from sandbox.claude.stream import pieces


@given(st.integers(0, 5000))
def test_prose_has_exactly_the_length_that_was_asked_for(characters: int) -> None:
    """#chars:n says n characters, and none of them would be trimmed from the end of a message."""
    words = library.prose(characters)
    assert len(words) == characters
    assert words == words.strip()


def test_the_long_answer_is_30_000_characters_of_everything() -> None:
    """Headings, lists, tables and closed fences; its end says how much should have come."""
    long = library.long()
    assert len(long) == library.LONG
    sections = long.count("## Section ")
    assert long.endswith(f"That was all of it: {sections} sections.")
    assert long.count("```") % 2 == 0
    assert "| Row |" in long


def test_the_library_has_what_a_chat_can_break_on() -> None:
    """Mentions, HTML, joined emoji, several languages of code, a single word."""
    assert library.text("short") == "Yes."
    for word in ("<!channel>", "@everyone", "<@U1>", "<script>", "#include <stdio.h>"):
        assert word in library.text("mentions")
    assert "👨‍👩‍👧‍👦" in library.text("world")
    assert {f"```{name}" for name in ("python", "cpp", "sh", "sql", "ts", "diff")} <= set(
        library.text("code").split()
    )


def test_the_default_answer_takes_up_the_questions_words() -> None:
    """Somebody who tries it sees that he was answered; the same question gets the same answer."""
    first = library.default("Why is the sea salty? #speed:300")
    assert first == library.default("Why is the sea salty?")
    assert "“Why is the sea salty?”" in first
    assert 'question = "Why is the sea salty?"' in first
    assert "1. **" in first
    assert library.default("") != first
    assert "“What is in it?”" in library.default("```txt\nsoup\nsandwiches\n```\n\nWhat is in it?")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("#script:tables", prompt.Wishes(script="tables")),
        ("**#script:code**", prompt.Wishes(script="code")),
        ("tell me (#script:code), #speed:300.", prompt.Wishes(script="code", speed=300.0)),
        (r"escaped \#script:long", prompt.Wishes(script="long")),
        ("#chars:1500 #piece:4 #write:3", prompt.Wishes(chars=1500, piece=4, write=3)),
        ("#first_byte:0 #first_text:2.5", prompt.Wishes(first_byte=0.0, first_text=2.5)),
        ("#fault:529", prompt.Wishes(faults=(("529", Fault("http", status=529, times=0)),))),
        (
            r"#fault:overloaded\_error@50",
            prompt.Wishes(
                faults=(("overloaded_error@50", Fault("error", error="overloaded_error", at=50, times=0)),)
            ),
        ),
        (
            "#fault:429:times=2:retry_after=3",
            prompt.Wishes(
                faults=(("429:times=2:retry_after=3", Fault("http", status=429, times=2, retry_after=3.0)),)
            ),
        ),
        ("a #channel and issue #12", prompt.Wishes()),
    ],
)
def test_words_of_a_question_choose_the_answer(question: str, expected: prompt.Wishes) -> None:
    """The grammar of prompt.py, with what chat platforms do to it."""
    assert prompt.read(question) == expected


@given(st.text(max_size=200))
def test_any_question_can_be_read(question: str) -> None:
    """Reading never fails, whatever people write."""
    for word in ("#fault:", "#speed:", "#script:"):
        wishes = prompt.read(word + question)
        assert library.choose(question, wishes) is not None


@given(st.text(), st.booleans())
def test_pieces_make_the_text_again(text: str, pairs: bool) -> None:
    """Cutting loses nothing; with pairs the halves join."""
    whole = "".join(pieces(text, pairs=pairs))
    assert whole.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") == text


def test_a_script_can_be_cut_and_what_is_left_is_the_rest() -> None:
    """upto and after share out the text at one character, whatever blocks it is in."""
    script = Script((Thinking("hm"), Text("one "), ServerTool("web_search", {}), Text("two three")))
    for at in range(len(script.text) + 1):
        head = Script(script.upto(at)).text
        assert len(head) == at
        assert head + script.after(at).text == script.text


@pytest.mark.parametrize(
    "fields", [{"kind": "flood"}, {"kind": "http", "status": 200}, {"kind": "fin", "times": -1}]
)
def test_a_fault_that_makes_no_sense_is_refused_with_a_sentence(fields: dict[str, object]) -> None:
    """Misuse is noticed where it happens."""
    with pytest.raises(ValueError, match="fault"):
        Fault(**fields)  # type: ignore[arg-type]  # wrong on purpose


def test_the_question_is_the_last_thing_that_a_person_said() -> None:
    """Results of tools go on with the question before them."""
    turns: list[dict[str, Any]] = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "uno"},
        {"role": "user", "content": [{"type": "text", "text": "two"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "3"}]},
    ]
    assert conversation.question(turns) == "two"
    assert conversation.turn(turns) == 1
    assert conversation.turn(turns[:3]) == 0
    assert conversation.left_at(turns[:3]) == ""
