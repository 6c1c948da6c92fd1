"""An older file becomes today's: nothing that stood in it is lost, and it is as usable as a new one."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

import bot.store
from bot.ports import Place, Ref
from bot.store.store import Store, StoreError
from tests.store.stage import answer, begin, question, said, words

PLACE = {
    "platform": "discord", "workspace": "G1", "channel": "C1", "thread": "", "reply_to": "70", "private": False
}  # fmt: skip


def first_version(path: Path) -> None:
    """A file as version 0.1 left it: one answered question, and one that a crash cut off."""
    config = Config()
    config.set_main_option("script_location", str(Path(bot.store.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with sqlite3.connect(path) as raw:
        raw.execute("insert into conversations values (1, 'discord', 'G1', 'C1', 0, 100.0, 101.0)")
        raw.execute("insert into anchors values ('discord:G1:message:C1:71', 1)")
        raw.execute("insert into people values ('discord', 'G1', 'U1', 'Ada', 100.0)")
        raw.execute("insert into claims values ('discord:70', 100.0)")
        raw.executemany(
            "insert into turns values (?, 1, ?, ?, ?, 'whole', ?, 100.0)",
            [
                (1, "user", "U1", "why?", "r1"),
                (2, "assistant", "", "because", "r1"),
                (3, "user", "U1", "and?", "r2"),
            ],
        )
        replies = [
            (
                "r1",
                "shown",
                json.dumps([{"channel": "C1", "message": "71"}, {"channel": "C1", "message": "72"}]),
                "",
            ),
            ("r2", "growing", json.dumps([{"channel": "C1", "message": "74"}]), "so"),
        ]
        raw.executemany(
            "insert into replies values (?, 1, ?, ?, ?, ?, '', '', 'U1', 'm', 1, 2, 3, 4, 100.0, 101.0)",
            [(id_, state, json.dumps(PLACE), refs, text) for id_, state, refs, text in replies],
        )
    raw.close()


async def test_a_file_of_the_first_version_keeps_all_that_stood_in_it(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    first_version(path)
    store = await Store.open(f"sqlite:///{path}")
    try:
        assert await said(store, 1) == [("user", "why?"), ("assistant", "because"), ("user", "and?")]
        assert (await store.turns(1))[0].name == "Ada"
        assert await store.claim("discord:70") is False
        [left] = await store.unfinished()
        assert (left.reply, left.text, left.refs) == ("r2", "so", (Ref("C1", "74"),))
    finally:
        await store.close()


async def test_answers_of_the_first_version_are_found_by_their_messages(tmp_path: Path) -> None:
    """The buttons under them are of this version's making, as soon as somebody presses one."""
    path = tmp_path / "s.sqlite3"
    first_version(path)
    store = await Store.open(f"sqlite:///{path}")
    try:
        found = await store.reply_of_message(Ref("C1", "72"), platform="discord", workspace="G1")
        assert found == "r1"
        reply = await store.reply("r1")
        assert reply is not None
        assert (reply.question, reply.text, reply.asker) == ("why?", "because", "U1")
        assert (reply.message, reply.files) == (None, ())
        place = Place(**PLACE)  # type: ignore[arg-type] # a literal of mixed values
        follow_up = question("k3", "b", place=place, text="why so?", upto="r1")
        fork = await begin(store, follow_up, "r3")
        await answer(store, "r3", "so")
        assert await words(store, fork) == ["why?", "because", "why so?", "so"]
    finally:
        await store.close()


async def test_opening_a_file_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    first_version(path)
    for _ in range(2):
        await (await Store.open(f"sqlite:///{path}")).close()
    with sqlite3.connect(path) as raw:
        assert raw.execute("select version_num from alembic_version").fetchall() == [("0003",)]
        assert raw.execute("select count(*) from pages").fetchone() == (3,)
    raw.close()


async def test_a_migration_that_fails_half_way_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """Whoever mends what was in its way starts again, rather than from a file of no version at all."""
    path = tmp_path / "s.sqlite3"
    first_version(path)
    with sqlite3.connect(path) as raw:
        raw.execute("create table ledger (somebody elses)")
    raw.close()
    with pytest.raises(StoreError, match="ledger already exists"):
        await Store.open(f"sqlite:///{path}")
    with sqlite3.connect(path) as raw:
        raw.execute("drop table ledger")
    raw.close()
    store = await Store.open(f"sqlite:///{path}")
    assert await said(store, 1) == [("user", "why?"), ("assistant", "because"), ("user", "and?")]
    await store.close()
