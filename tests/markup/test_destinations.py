"""Where a link leads: the engine's answer, only sooner."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import helpers

from bot.markup import destinations

DEEP = st.integers(28, 40).map(lambda depth: "a(" * depth + "b" + ")" * depth)
TEXTS = st.lists(
    st.one_of(st.text("()<>\\ \n\ta\x01\xa0", max_size=8), DEEP, st.just("(" * 33)), max_size=6
).map("".join)


@given(TEXTS, st.integers(0, 40), st.integers(0, 200))
@example("(" * 32 + ")" * 32, 0, 64)
@example("(" * 33 + ")" * 33, 0, 66)
@example("(" * 33, 0, 32)
def test_the_engines_answer_for_every_text(text: str, pos: int, maximum: int) -> None:
    """Law: what is asked sooner is asked the same."""
    maximum = min(maximum, len(text))
    pos = min(pos, maximum)
    mine, engines = (
        destinations.parseLinkDestination(text, pos, maximum),
        helpers.parseLinkDestination(text, pos, maximum),
    )
    assert [getattr(mine, part) for part in ("ok", "pos", "str")] == [engines.ok, engines.pos, engines.str]
