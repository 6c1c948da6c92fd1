"""What Claude is asked: who said what, in order, within the limit, and nothing of ours."""

from __future__ import annotations

import pytest

from bot.conversation import history, routing
from bot.ports import Incoming, Person, Place, Ref
from bot.store.nouns import Said


def user(text: str, name: str = "Ada", person: str = "U1") -> Said:
    return Said("user", person, name, text, "r")


def claude(text: str) -> Said:
    return Said("assistant", "", "", text, "r")


CASES = [
    ("one question", [user("why?")], True, [("user", "why?")]),
    ("in a channel people are told apart", [user("why?")], False, [("user", "Ada: why?")]),
    ("an unknown name falls back to the id", [user("why?", name="")], False, [("user", "U1: why?")]),
    (
        "alternation",
        [user("a"), claude("b"), user("c", "Grace", "U2")],
        False,
        [("user", "Ada: a"), ("assistant", "b"), ("user", "Grace: c")],
    ),
    (
        "a question without an answer is joined with the next",
        [user("a"), user("b", "Grace", "U2"), claude("c"), user("d")],
        False,
        [("user", "Ada: a\n\nGrace: b"), ("assistant", "c"), ("user", "Ada: d")],
    ),
    ("an answer never comes first", [claude("a"), user("b")], True, [("user", "b")]),
]


@pytest.mark.parametrize(
    ("turns", "private", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_turns_become_messages(turns: list[Said], private: bool, expected: list[tuple[str, str]]) -> None:
    told = history.messages(turns, limit=10_000, private=private)
    assert [(message["role"], message["content"]) for message in told] == expected


def test_the_oldest_turns_go_first_when_the_limit_is_reached() -> None:
    turns = [user("a" * 60), claude("b" * 60), user("c" * 30), claude("d" * 30), user("e" * 30)]
    told = history.messages(turns, limit=100, private=True)
    assert [message["content"] for message in told] == ["c" * 30, "d" * 30, "e" * 30]


def test_the_last_question_is_asked_whatever_its_length() -> None:
    told = history.messages([user("a"), claude("b"), user("c" * 500)], limit=100, private=True)
    assert [message["content"] for message in told] == ["c" * 500]


def test_the_manners_name_the_platform_and_take_the_operators_words_after_them() -> None:
    shared = history.system_prompt("slack", private=False, extra="Speak like a pirate.")
    assert "Slack" in shared
    assert shared.endswith("Speak like a pirate.")
    assert "name or id and a colon" in shared
    assert "name or id and a colon" not in history.system_prompt("discord", private=True)


def incoming(platform: str = "slack", workspace: str = "T1", **more: object) -> Incoming:
    place = Place(platform, workspace, "C1", thread="1")
    told: dict[str, object] = {
        "key": "k",
        "person": Person("U1"),
        "text": "x",
        "how": "mention",
        "place": place,
    }
    return Incoming(**(told | {"scope": "thread:C1:1"} | more))  # type: ignore[arg-type] # a table of fields


def test_equal_ids_in_other_places_are_other_conversations() -> None:
    """Nothing leaks between workspaces or platforms."""
    anchors = [
        routing.known_as(incoming(platform, workspace))[0]
        for platform in ("slack", "discord")
        for workspace in ("T1", "T2")
    ]
    assert len(set(anchors)) == 4


def test_a_message_that_is_replied_to_comes_before_the_place_where_one_stands() -> None:
    anchors = routing.known_by(incoming("discord", "G1", answers=Ref("C1", "70"), scope="message:C1:71"))
    assert anchors == ["discord:G1:message:C1:70", "discord:G1:message:C1:71"]
    assert routing.known_as(incoming("discord", "G1", answers=Ref("C1", "70"), scope="message:C1:71")) == [
        "discord:G1:message:C1:71"
    ]


def test_a_commands_conversation_is_found_under_the_thread_that_it_made() -> None:
    assert routing.known_as(incoming(scope="")) == []
    anchors = routing.reply_anchors(Place("slack", "T1", "C1", thread="5.0"), [Ref("C1", "6.0")])
    assert anchors == ["slack:T1:message:C1:6.0", "slack:T1:thread:C1:5.0"]
