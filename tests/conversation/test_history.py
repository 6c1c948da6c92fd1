"""What Claude is asked: who said what, in order, within the limit, and nothing of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.claude.documents import Document
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
    told = history.messages(turns, private=private)
    assert [(message["role"], message["content"]) for message in told] == expected


def exchanges(*sizes: int) -> list[Said]:
    """Exchanges of so many tokens each: a question and its answer, and the last question alone."""
    turns: list[Said] = []
    for number, size in enumerate(sizes):
        reply = f"r{number}"
        half = "x" * (3 * (size // 2 - 10))
        turns.append(Said("user", "U1", "Ada", half, reply))
        if number < len(sizes) - 1:
            turns.append(Said("assistant", "", "", half, reply))
    return turns


def replies(turns: list[Said]) -> list[str]:
    return list(dict.fromkeys(turn.reply for turn in turns))


@pytest.mark.parametrize(
    ("sizes", "old", "kept"),
    [
        ((100, 100, 100), "", "r0 r1 r2"),
        ((400, 400, 600), "r0 r1", "r2"),
        ((900, 100, 100, 100), "r0", "r1 r2 r3"),
        ((100, 900, 100, 100), "r0 r1", "r2 r3"),
        ((100, 100, 5000), "r0 r1", "r2"),
        ((5000,), "", "r0"),
    ],
)
def test_once_a_conversation_is_too_long_the_newest_half_of_the_budget_stays(
    sizes: tuple[int, ...], old: str, kept: str
) -> None:
    """Law: whole exchanges, the last one always, and room for the next ones."""
    gone, stay = history.parted(exchanges(*sizes), budget=1_000, characters=1_000)
    assert (replies(gone), replies(stay)) == (old.split(), kept.split())


def test_a_summary_is_not_made_of_nothing_but_a_summary() -> None:
    summary = Said("user", "", "", "x" * 3_000, "r0", state="summary")
    turns = [summary, Said("user", "U1", "Ada", "x" * 3_000, "r9")]
    assert history.parted(turns, budget=1_000, characters=1_000) == ([], turns)


def test_a_summary_says_that_it_is_one_and_nobody_is_its_speaker() -> None:
    turns = [Said("user", "", "", "They chose blue.", "r0", state="summary"), user("And the door?")]
    [message] = history.messages(turns, private=False)
    assert message["content"] == (
        "(A summary of the earlier messages of this conversation, which are too long to be repeated:)\n\n"
        "They chose blue.\n\nAda: And the door?"
    )


WORDS = st.sampled_from(["", " ", "\n", "why?", "a\n\nb", " x "])
FILES = st.lists(
    st.sampled_from(
        [
            Document("a.png", "image", "AAAA", "image/png"),
            Document("b.pdf", "pdf", "AAAA", "application/pdf", 1),
            Document("c.txt", "text", "words"),
            "(d.txt, no longer available)",
        ]
    ),
    max_size=4,
)
TURNS = st.lists(
    st.tuples(
        st.sampled_from(["user", "assistant"]), WORDS, st.sampled_from(["whole", "partial", "summary"]), FILES
    ),
    max_size=8,
)


@given(TURNS, st.booleans(), st.sampled_from(["", "Summarise."]))
def test_whatever_was_said_makes_a_request_that_the_api_takes(
    told: list[tuple[str, str, str, list[Document | str]]], private: bool, then: str
) -> None:
    """Law: a person first and last, the roles in turn, no empty words, no file in an answer."""
    turns = [
        Said("user" if state == "summary" else role, "U1", "Ada", text, f"r{n}", state=state)
        for n, (role, text, state, _) in enumerate(told)
    ]
    made = history.messages(turns, [files for *_, files in told], private=private, then=then)
    assert [message["role"] for message in made] == [("user", "assistant")[n % 2] for n in range(len(made))]
    assert made[-1]["role"] == "user"
    for message in made:
        content = message["content"]
        if isinstance(content, str):
            assert content.strip()
            continue
        assert message["role"] == "user"
        blocks = [dict(block) for block in content]
        assert any(block["type"] != "text" for block in blocks)
        assert all(block["type"] != "text" or str(block["text"]).strip() for block in blocks)


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
