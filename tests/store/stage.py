"""A store on a file of its own, and the few verbs that its tests tell their stories with."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from bot.ports import Place, Ref
from bot.store.nouns import Question
from bot.store.store import Store

HOUR = 3600.0
DAY = 86_400.0
THREAD = Place("slack", "T1", "C1", thread="1700.1")
DIRECT = Place("slack", "T1", "D1", private=True)
CHAIN = Place("discord", "G1", "C1", reply_to="70")
TOKENS = {"tokens_in": 10, "tokens_out": 20, "cache_read": 1, "cache_written": 2}


def question(
    key: str, *anchors: str, place: Place = THREAD, text: str = "why?", person: str = "U1", **more: Any
) -> Question:
    return Question(key, anchors, anchors, place, person, more.pop("name", ""), text, **more)


async def begin(store: Store, asked: Question, reply: str, *, now: float = 1000.0) -> int:
    conversation = await store.begin(asked, reply=reply, model="m", silence=6 * HOUR, now=now)
    assert conversation is not None, "taken up before"
    return conversation


async def answer(
    store: Store, reply: str, text: str, turn: str = "whole", *, now: float = 1001.0, **more: Any
) -> None:
    more = {"notice": "", **more}
    await store.ended(reply, text=text, turn=turn, tokens=TOKENS, now=now, **more)  # type: ignore[arg-type] # literals of the tests
    await store.closed(reply, "shown", now=now)


async def exchange(
    store: Store, reply: str, anchor: str, asked: str, told: str, *, person: str = "U1", **more: Any
) -> int:
    """A question and its answer, one message on the platform each: "q-<reply>" and "p-<reply>"."""
    place = more.pop("place", THREAD)
    conversation = await begin(
        store,
        question(
            f"k-{reply}",
            anchor,
            place=place,
            text=asked,
            person=person,
            message=Ref(place.channel, f"q-{reply}"),
            **more,
        ),
        reply,
    )
    await store.posted(reply, [Ref(place.channel, f"p-{reply}")], place, [])
    await answer(store, reply, told)
    return conversation


async def said(store: Store, conversation: int, before: str | None = None) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in await store.turns(conversation, before=before)]


async def words(store: Store, conversation: int, before: str | None = None) -> list[str]:
    return [turn.text for turn in await store.turns(conversation, before=before)]


async def summarise(store: Store, conversation: int, upto: str, text: str) -> None:
    """What is told up to this exchange is summarised."""
    told = await store.turns(conversation)
    last = max(at for at, one in enumerate(told) if one.reply == upto)
    assert await store.summarised(conversation, told[: last + 1], text)


def everything(folder: Path) -> str:
    """Each value of each row, as text."""
    with sqlite3.connect(folder / "s.sqlite3") as raw:
        tables = [name for (name,) in raw.execute("select name from sqlite_master where type = 'table'")]
        told = "\n".join(
            f"{table}: {row}"
            for table in tables
            for row in raw.execute(f'select * from "{table}"').fetchall()
        )
    raw.close()
    return told
