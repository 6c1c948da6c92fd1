"""What answers cost: whole millionths of a dollar, rounded up, never less than will be billed."""

from __future__ import annotations

import json
import logging
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.claude.events import Usage
from bot.claude.prices import Prices, PricesError, tokens

KNOWN = Prices.load()
MILLION = 1_000_000


@pytest.mark.parametrize(
    ("model", "usage", "hour", "searches", "dollars"),
    [
        ("claude-sonnet-5-5", Usage(tokens_in=MILLION), 0, 0, 2.0),
        ("claude-sonnet-5-5", Usage(tokens_out=MILLION), 0, 0, 10.0),
        ("claude-sonnet-5-5", Usage(cache_read=MILLION), 0, 0, 0.10),
        ("claude-sonnet-5-5", Usage(cache_written=MILLION), 0, 0, 2.50),
        ("claude-sonnet-5-5", Usage(cache_written=MILLION), MILLION, 0, 4.0),
        ("claude-sonnet-5-5", Usage(cache_written=MILLION), MILLION // 2, 0, 3.25),
        ("claude-sonnet-5-5", Usage(), 0, 3, 0.03),
        ("claude-opus-5-5", Usage(tokens_in=1000, tokens_out=500), 0, 0, 0.014),
        ("claude-haiku-5-5", Usage(tokens_in=100_000, tokens_out=1000), 0, 0, 0.0105),
        ("claude-haiku-5-5", Usage(tokens_in=100_001, tokens_out=1000), 0, 0, 0.0525005),
        ("claude-haiku-5-5", Usage(tokens_in=1, cache_read=100_000, tokens_out=1000), 0, 0, 0.0075005),
        ("claude-fable-5-2", Usage(tokens_in=MILLION, tokens_out=MILLION), 0, 0, 48.0),
    ],
)
def test_each_kind_of_token_has_its_price(
    model: str, usage: Usage, hour: int, searches: int, dollars: float
) -> None:
    cost = KNOWN.cost(model, usage, written_for_an_hour=hour, searches=searches)
    assert cost == -(-round(dollars * 10 * MILLION) // 10)


def test_part_of_a_millionth_is_a_whole_one() -> None:
    """Sums of rounded-down costs would pass a limit unseen."""
    assert KNOWN.cost("claude-haiku-5-5", Usage(tokens_in=1)) == 1
    assert KNOWN.cost("claude-haiku-5-5", Usage()) == 0


@pytest.mark.parametrize(
    "model",
    [
        "claude-opus-5-20260724",
        "us.anthropic.claude-opus-5-v1:0",
        "anthropic.claude-opus-5-20260724-v1:0",
        "anthropic/claude-opus-5",
        "claude-opus-5@20260724",
        "claude-opus-5[1m]",
    ],
)
def test_a_model_is_known_by_whatever_way_it_is_reached(model: str) -> None:
    assert KNOWN.knows(model)
    assert KNOWN.cost(model, Usage(tokens_out=MILLION)) == 25 * MILLION


def test_a_model_that_nobody_priced_is_the_dearest_and_said_so_once(caplog: pytest.LogCaptureFixture) -> None:
    """Also a newer sibling of a known model: "claude-opus-5-9" is not "claude-opus-5"."""
    prices = Prices.load()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert prices.cost("claude-opus-5-9", Usage(tokens_out=MILLION)) == 50 * MILLION
    assert [record.getMessage() for record in caplog.records] == ["prices.unknown_model"]
    assert not prices.knows("claude-opus-5-9")


def test_prices_of_ones_own_replace_and_add(tmp_path: Path) -> None:
    told = {"claude-sonnet-5-5": {"in": 1, "out": 1.5}, "*": {"in": 0, "out": 0}}
    (tmp_path / "prices.json").write_text(
        json.dumps({"as_of": "2027-01-01", "models": told, "web_search": 5})
    )
    for override in (json.dumps(told), str(tmp_path / "prices.json")):
        prices = Prices.load(override)
        assert prices.cost("claude-sonnet-5-5", Usage(tokens_in=MILLION, tokens_out=MILLION)) == 2_500_000
        assert prices.cost("claude-sonnet-5-5", Usage(cache_read=MILLION)) == 100_000, (
            "a tenth, if not listed"
        )
        assert prices.cost("llama4:70b", Usage(tokens_in=MILLION)) == 0
        assert prices.cost("claude-opus-5", Usage(tokens_out=MILLION)) == 25 * MILLION
    assert Prices.load(str(tmp_path / "prices.json")).cost("x", Usage(), searches=1000) == 5 * MILLION
    assert Prices.load("  ") == KNOWN


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("{nonsense", "is not valid JSON"),
        ("/no/such/file.json", "is neither JSON nor a file that can be read"),
        ('{"models": {"a": {"in": -1, "out": 2}}}', "models.a.in"),
        ('{"models": {"a": {"in": 1}}}', "models.a.out"),
        ('{"a": {"in": 1, "out": 2, "read": "cheap"}}', "models.a.read"),
        ('{"models": []}', "models"),
    ],
)
def test_a_list_with_a_mistake_says_where(override: str, said: str) -> None:
    with pytest.raises(PricesError, match=re.escape(said)):
        Prices.load(override)


def test_the_list_says_of_when_it_is_and_where_it_is_from() -> None:
    listed = KNOWN.listed
    assert date.fromisoformat(listed.as_of) >= date(2026, 11, 1)
    assert "platform.claude.com" in listed.source


counts = st.integers(0, 2_000_000)


@given(
    model=st.sampled_from([*KNOWN.listed.models, "unknown"]),
    total=counts,
    fresh=st.floats(0, 1),
    read=st.floats(0, 1),
    out=counts,
    more=counts,
)
def test_what_is_reserved_is_enough_for_whatever_the_cache_does(
    model: str, total: int, fresh: float, read: float, out: int, more: int
) -> None:
    """Law: a call of at most this size costs at most this much, and a larger one no less."""
    first = int(total * fresh)
    cached = int((total - first) * read)
    usage = Usage(first, out, cached, total - first - cached)
    assert KNOWN.cost(model, usage) <= KNOWN.most(model, tokens_in=total, tokens_out=out)
    assert KNOWN.most(model, tokens_in=total, tokens_out=out) <= KNOWN.most(
        model, tokens_in=total + more, tokens_out=out + more
    )


@pytest.mark.parametrize(
    ("text", "at_least"),
    [("", 0), ("hello world", 3), ("你好世界", 4), ("def f(x):\n    return x\n", 7), ("\ud83d", 1)],
)
def test_the_estimate_of_a_text_errs_upwards(text: str, at_least: int) -> None:
    assert at_least <= tokens(text) <= 4 * len(text)
