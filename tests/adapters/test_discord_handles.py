"""How each kind of interaction is acknowledged, as a table; and by which road its person is told something."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from adapters.discord.handles import Interaction, Kind, State, at_once, in_the_end, road


def one(kind: Kind, state: State = "held", *, visible: bool = True, **more: Any) -> Interaction:
    return Interaction("1", "secret", kind, "10", visible, until=100.0, state=state, **more)


@pytest.mark.parametrize(
    ("kind", "visible", "first", "last"),
    [
        ("ask", True, None, "thinking"),
        ("ask", False, None, "thinking"),
        ("order", True, "quiet", None),
        ("order", False, "quiet", None),
        ("summarize", True, "quiet", None),
        ("summarize", False, None, "thinking"),
        ("want", True, None, "quiet"),
        ("want", False, None, "thinking"),
        ("submit", True, None, "quiet"),
        ("submit", False, None, "thinking"),
        ("choose", True, None, "silent"),
        ("choose", False, None, "silent"),
        ("rate", True, None, "silent"),
        ("press", True, "silent", None),
        ("press", False, "silent", None),
        ("pick", True, "silent", None),
        ("group", True, None, "silent"),
    ],
)
def test_each_kind_is_acknowledged_once(
    kind: Kind, *, visible: bool, first: State | None, last: State | None
) -> None:
    """At once, or held for a form or a refusal; what everybody would see is never said at once."""
    held = one(kind, visible=visible)
    assert at_once(held) == first
    if first is None:
        assert in_the_end(held) == last


@pytest.mark.parametrize(
    ("interaction", "expected"),
    [
        (one("want"), "respond"),
        (one("ask"), "respond"),
        (one("rate"), "respond"),
        (one("choose"), "update"),
        (one("ask", "thinking"), "replace"),
        (one("ask", "thinking", original="5"), "follow"),
        (one("order", "quiet"), "fill"),
        (one("order", "quiet", filled=True), "follow"),
        (one("choose", "silent"), "fill"),
        (one("choose", "silent", filled=True), "follow"),
        (one("press", "silent"), "follow"),
        (one("pick", "silent"), "follow"),
        (one("submit", "said"), "follow"),
    ],
)
def test_a_person_is_told_by_the_shortest_road(interaction: Interaction, expected: str) -> None:
    """Never by changing what everybody sees."""
    assert road(interaction) == expected


def test_only_what_was_asked_grows_by_its_interaction() -> None:
    """A pressed button's token could edit the answer it stands under; it must not."""
    assert one("ask", "thinking").carries("10")
    assert one("ask").carries("10")
    assert not one("ask", "thinking").carries("11"), "the answer grows in a thread, which is another channel"
    assert one("want", visible=False).carries("10")
    assert not one("want").carries("10")
    assert not one("want", "quiet").carries("10")
    assert not any(one(kind, "silent").carries("10") for kind in get_args(Kind))


def test_a_token_is_not_shown_and_does_not_live_for_ever() -> None:
    """A repr ends up in logs."""
    assert "secret" not in repr(one("ask"))
    assert one("ask").alive(99.0)
    assert not one("ask").alive(100.0)
    assert not one("ask", dead=True).alive(0.0)
