"""Dollars a day: what one reply may cost at most is reserved, what it did cost is settled, and the limit says when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.claude.answer import Ask
from bot.claude.events import Usage
from bot.claude.prices import Prices
from bot.conversation.preferences import Preferences
from bot.conversation.spending import OverLimit, Spending, dollars, size
from bot.store.ledger import Account
from bot.store.store import Store

NOON = 1_795_435_200.0  # 2026-11-23, 12:00 UTC
MODEL = "claude-sonnet-5-5"
ADA = Account("slack", "T1", "C1", "U1")
ASK = Ask(MODEL, [{"role": "user", "content": "why?"}], max_tokens=1000)  # at most a little over a cent


def preferences(**limits: Any) -> Preferences:
    return Preferences(model=MODEL, effort="low", **limits)


@pytest.fixture
async def spending(tmp_path: Path) -> AsyncIterator[Spending]:
    store = await Store.open(f"sqlite:///{tmp_path}/s.sqlite3")
    yield Spending(store.ledger, Prices.load())
    await store.close()


async def test_at_the_limit_it_is_said_which_and_for_how_long(spending: Spending) -> None:
    limited = preferences(channel_daily=10_000)
    assert await spending.reserve("r1", ADA, ASK, limited, now=NOON) is None
    over = await spending.reserve("r2", ADA, ASK, limited, now=NOON)
    assert over == OverLimit("channel", 10_000, resets_in=12 * 3600, reserved=True)
    assert await spending.settle("r1", MODEL, Usage(tokens_in=100, tokens_out=1000)) == 10_200
    over = await spending.reserve("r2", ADA, ASK, limited, now=NOON + 3600)
    assert over == OverLimit("channel", 10_000, resets_in=11 * 3600, reserved=False)
    assert await spending.reserve("r2", ADA, ASK, limited, now=NOON + 12 * 3600) is None


async def test_a_limit_that_is_spent_is_known_before_anything_is_asked(spending: Spending) -> None:
    """What an answer under way has reserved may turn out to be less."""
    limited = preferences(person_daily=10_000, workspace_daily=1_000_000)
    await spending.reserve("r1", ADA, ASK, limited, now=NOON)
    assert await spending.reached(ADA, limited, now=NOON) is None
    await spending.settle("r1", MODEL, Usage(tokens_in=100, tokens_out=1000))
    over = OverLimit("person", 10_000, resets_in=12 * 3600, reserved=False)
    assert await spending.reached(ADA, limited, now=NOON) == over
    assert await spending.reached(ADA, preferences(), now=NOON) is None
    assert await spending.reached(replace(ADA, person="U2"), limited, now=NOON) is None
    assert await spending.reached(ADA, limited, now=NOON + 12 * 3600) is None


async def test_fifty_questions_at_once_cost_one_reply_too_much_at_most(spending: Spending) -> None:
    limited = preferences(person_daily=50_000)
    taken = await asyncio.gather(*(spending.reserve(f"r{n}", ADA, ASK, limited, now=NOON) for n in range(50)))
    for number, over in enumerate(taken):
        if over is None:
            await spending.settle(f"r{number}", MODEL, Usage(tokens_in=10, tokens_out=1000))
    spent = (await spending.summary(ADA, now=NOON)).today.person.micros
    assert 50_000 - 10_020 <= spent < 50_000 + 10_020


async def test_without_limits_spending_is_written_down_all_the_same(spending: Spending) -> None:
    await spending.reserve("r1", ADA, ASK, preferences(), now=NOON)
    usage = Usage(tokens_in=7, tokens_out=20, cache_read=300, cache_written=40)
    micros = await spending.settle("r1", MODEL, usage, searches=2)
    told = (await spending.summary(ADA, now=NOON)).month.workspace
    assert (told.replies, told.tokens_in, told.tokens_out, told.cache_read, told.cache_written, told.searches) == (
        1, 7, 20, 300, 40, 2,
    )  # fmt: skip
    assert told.micros == micros == 14 + 200 + 30 + 100 + 20_000


async def test_a_question_that_never_reached_claude_costs_nothing(spending: Spending) -> None:
    limited = preferences(person_daily=1)
    await spending.reserve("r1", ADA, ASK, limited, now=NOON)
    await spending.cancel("r1")
    assert await spending.reserve("r2", ADA, ASK, limited, now=NOON) is None
    assert await spending.release_left() == 1
    assert (await spending.summary(ADA, now=NOON)).today.person.replies == 0


async def test_an_answer_that_was_stopped_is_paid_for_by_its_length(spending: Spending) -> None:
    """The API counts the output only in its last event, which a stopped answer never gets."""
    await spending.reserve("r1", ADA, ASK, preferences(), now=NOON)
    micros = await spending.settle("r1", MODEL, Usage(tokens_in=10, tokens_out=1), said="word " * 600)
    assert micros == 20 + 10 * 1000
    await spending.reserve("r2", ADA, ASK, preferences(), now=NOON)
    whole = await spending.settle("r2", MODEL, Usage(tokens_in=10, tokens_out=900), said="word")
    assert whole == 20 + 9000, "what Claude tells counts where it is more: thinking is not among the words"
    assert (await spending.summary(ADA, now=NOON)).today.person.tokens_out == 1900


@pytest.mark.parametrize(
    ("content", "least", "most"),
    [
        ("x" * 3500, 1000, 1300),
        ([{"type": "text", "text": "x" * 3500}], 1000, 1300),
        (
            [
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "A" * 4_000_000},
                }
            ],
            1500,
            2000,
        ),
        (
            [
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "A" * 400_000},
                }
            ],
            4000,
            6000,
        ),
        (
            [
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "x" * 3500},
                }
            ],
            1000,
            1300,
        ),
        ([{"type": "tool_result", "tool_use_id": "t", "content": "x" * 3500}], 1000, 1300),
    ],
)
def test_the_size_of_a_request_errs_upwards_and_knows_what_is_not_text(
    content: Any, least: int, most: int
) -> None:
    """An image's base64 counted as text would reserve dollars for cents."""
    ask = Ask(MODEL, [{"role": "user", "content": content}], max_tokens=10)
    assert least <= size(ask) <= most


def test_the_system_prompt_and_the_tools_count() -> None:
    ask = Ask(MODEL, [], max_tokens=10, system="x" * 300, extra={"tools": [{"name": "y" * 300}]})
    assert size(ask) > 200


@pytest.mark.parametrize(
    ("micros", "written"),
    [
        (0, "$0.00"),
        (50, "<$0.0001"),
        (1234, "$0.0012"),
        (10_000, "$0.01"),
        (2_500_000, "$2.50"),
        (1_234_560_000, "$1,234.56"),
    ],
)
def test_money_is_written_as_people_do(micros: int, written: str) -> None:
    assert dollars(micros) == written
