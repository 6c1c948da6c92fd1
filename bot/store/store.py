"""The questions that the bot asks of its tables. Law: a question is claimed, its conversation found and its reply
journalled in one transaction, so that a crash leaves either nothing or a reply that the next start will close.

One connection serves the process: SQLite writes one at a time anyway, and so nobody meets a locked database.
Every method is one short transaction; `now` is epoch seconds.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, delete, event, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from bot.ports import Place, Ref
from bot.store.nouns import Question, ReplyState, Said, TurnState, Unfinished
from bot.store.tables import Anchor, Budgets, Claim, Conversation, PersonName, Reply, Turn

# A platform redelivers for some minutes (Slack: up to 5; a socket's replay after a reconnect: a little more).
_CLAIMS_KEPT = 2 * 86_400.0
_BUDGETS_KEPT = 600.0
_HANGING = 3.0

P = ParamSpec("P")
T = TypeVar("T")


class StoreError(Exception):
    """The database could not be opened, read or written; the message names no row."""


def _whole(
    method: Callable[Concatenate[Store, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Store, P], Coroutine[Any, Any, T]]:
    """A transaction that was begun is finished, also when the task that asked for it is cancelled meanwhile."""

    @functools.wraps(method)
    async def run(store: Store, /, *args: P.args, **kwargs: P.kwargs) -> T:
        work = asyncio.create_task(method(store, *args, **kwargs))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            # Bounded: a disk that hangs must not keep a Stop, or the end of the process, from happening.
            await asyncio.wait({work}, timeout=_HANGING)
            raise

    return run


class Store:
    """Open it with `Store.open`, close it last. Every method raises StoreError where the database fails."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

    @classmethod
    async def open(cls, url: str) -> Store:
        """Open the database and bring it up to date."""
        try:
            engine = create_async_engine(
                url, pool_size=1, max_overflow=0, pool_timeout=60, hide_parameters=True
            )
            event.listen(engine.sync_engine, "connect", _pragmas)
            async with engine.connect() as connection:
                await connection.run_sync(_migrate)
                await connection.commit()
        except (SQLAlchemyError, CommandError, OSError) as error:
            # SQLAlchemy's own message may hold statements and values: its class and the driver's words are enough.
            raise StoreError(f"{type(error).__name__}: {getattr(error, 'orig', None) or error}") from error
        return cls(engine)

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncSession]:
        try:
            async with self._sessions() as session, session.begin():
                yield session
        except SQLAlchemyError as error:
            raise StoreError(f"{type(error).__name__}: {getattr(error, 'orig', '')}") from error

    # ------------------------------------------------------------------------------------------ questions, replies

    @_whole
    async def begin(
        self, question: Question, *, reply: str, model: str, silence: float, now: float | None = None
    ) -> int | None:
        """Take a question up: the id of its conversation, or None where it was taken up before.

        A direct conversation that has been silent for more than `silence` seconds begins anew.
        """
        now = time.time() if now is None else now
        place = question.place
        async with self._transaction() as session:
            claimed = await session.execute(
                insert(Claim).values(key=question.key, at=now).on_conflict_do_nothing().returning(Claim.key)
            )
            if claimed.scalar_one_or_none() is None:
                return None
            conversation = await self._conversation(session, question.known_by)
            if (
                conversation is not None
                and place.private
                and not place.thread
                and now - conversation.last > silence
            ):
                conversation = None
            if conversation is None:
                conversation = Conversation(
                    platform=place.platform,
                    workspace=place.workspace,
                    channel=place.channel,
                    private=place.private,
                    created=now,
                    last=now,
                )
                session.add(conversation)
                await session.flush()
            conversation.last = now
            for anchor in question.known_as:
                await _bind(session, anchor, conversation.id)
            session.add(
                Turn(
                    conversation=conversation.id,
                    role="user",
                    person=question.person,
                    text=question.text,
                    state="whole",
                    reply=reply,
                    at=now,
                )
            )
            session.add(
                Reply(
                    id=reply,
                    conversation=conversation.id,
                    state="growing",
                    place=_plain(place),
                    refs=[],
                    text="",
                    notice="",
                    announce=question.announce,
                    asker=question.person,
                    model=model,
                    created=now,
                    updated=now,
                )
            )
            if question.name:
                await _name(session, place, question.person, question.name, now)
            return conversation.id

    async def _conversation(self, session: AsyncSession, anchors: Sequence[str]) -> Conversation | None:
        for anchor in anchors:
            known = await session.get(Anchor, anchor)
            if known is not None:
                return await session.get(Conversation, known.conversation)
        return None

    @_whole
    async def takes_part(self, anchors: Iterable[str]) -> bool:
        """Is one of these anchors a conversation of ours?"""
        async with self._transaction() as session:
            found = await session.execute(
                select(Anchor.anchor).where(Anchor.anchor.in_(list(anchors))).limit(1)
            )
            return found.first() is not None

    @_whole
    async def claim(self, key: str, *, now: float | None = None) -> bool:
        """Take up an event that makes no reply (an empty question). False: it was taken up before."""
        now = time.time() if now is None else now
        async with self._transaction() as session:
            claimed = await session.execute(
                insert(Claim).values(key=key, at=now).on_conflict_do_nothing().returning(Claim.key)
            )
            return claimed.scalar_one_or_none() is not None

    @_whole
    async def posted(self, reply: str, refs: Sequence[Ref], place: Place, anchors: Sequence[str]) -> None:
        """The reply's messages so far, the place with its thread, and the anchors under which they are found."""
        async with self._transaction() as session:
            row = await session.get(Reply, reply)
            if row is None:
                return
            row.refs = [asdict(ref) for ref in refs]
            row.place = _plain(place)
            for anchor in anchors:
                await _bind(session, anchor, row.conversation)

    @_whole
    async def grew(self, texts: Sequence[tuple[str, str]]) -> None:
        """The texts of growing replies as (reply, text so far), in one transaction for all."""
        async with self._transaction() as session:
            for reply, text in texts:
                await session.execute(
                    update(Reply).where(Reply.id == reply, Reply.state == "growing").values(text=text)
                )

    @_whole
    async def ended(
        self,
        reply: str,
        *,
        text: str,
        notice: str,
        turn: TurnState,
        tokens: dict[str, int],
        now: float | None = None,
    ) -> None:
        """The answer is whole (or as whole as it will be): journalled before its last edit is sent."""
        now = time.time() if now is None else now
        async with self._transaction() as session:
            row = await session.get(Reply, reply)
            if row is None:
                return
            row.state, row.text, row.notice, row.updated = "ending", text, notice, now
            for column, count in tokens.items():
                setattr(row, column, count)
            conversation = await session.get(Conversation, row.conversation)
            if conversation is not None:
                conversation.last = now
            if turn == "refused":
                # Going on after a refusal keeps being refused: the whole exchange leaves the context.
                await session.execute(update(Turn).where(Turn.reply == reply).values(state="refused"))
            if text:
                session.add(
                    Turn(
                        conversation=row.conversation,
                        role="assistant",
                        person="",
                        text=text,
                        state=turn,
                        reply=reply,
                        at=now,
                    )
                )

    @_whole
    async def closed(self, reply: str, state: ReplyState, *, now: float | None = None) -> None:
        """The reply's last word on the platform: "shown", "gone" or "denied". Its text now lives in the turns."""
        now = time.time() if now is None else now
        async with self._transaction() as session:
            await session.execute(
                update(Reply).where(Reply.id == reply).values(state=state, updated=now, text="", announce="")
            )

    @_whole
    async def unfinished(self) -> list[Unfinished]:
        """What a crash left behind, oldest first."""
        async with self._transaction() as session:
            rows = await session.scalars(
                select(Reply).where(Reply.state.in_(("growing", "ending"))).order_by(Reply.created)
            )
            return [
                Unfinished(
                    reply=row.id,
                    conversation=row.conversation,
                    state=row.state,
                    place=Place(**row.place),
                    refs=tuple(Ref(**ref) for ref in row.refs),
                    text=row.text,
                    notice=row.notice,
                    announce=row.announce,
                )
                for row in rows
            ]

    # ------------------------------------------------------------------------------------------ context, people

    @_whole
    async def turns(self, conversation: int, *, before: str | None = None) -> list[Said]:
        """The turns that Claude may see, oldest first, with the names known by now.

        `before`: only up to the question of that reply, which is included; its answer is not.
        """
        async with self._transaction() as session:
            place = await session.get(Conversation, conversation)
            if place is None:
                return []
            rows = await session.execute(
                select(Turn, PersonName.name)
                .outerjoin(
                    PersonName,
                    (PersonName.platform == place.platform)
                    & (PersonName.workspace == place.workspace)
                    & (PersonName.id == Turn.person),
                )
                .where(Turn.conversation == conversation, Turn.state != "refused")
                .order_by(Turn.id)
            )
            # A question that waits its turn is written down before the answer in front of it: an answer belongs
            # right behind its own question.
            exchanges: dict[str, list[Said]] = {}
            for turn, name in rows:
                exchange = exchanges.setdefault(turn.reply, [])
                exchange.append(Said(turn.role, turn.person, name or "", turn.text, turn.reply))
            said: list[Said] = []
            for reply, exchange in exchanges.items():
                if reply == before:
                    return [*said, *(turn for turn in exchange if turn.role == "user")]
                said += exchange
            return said

    @_whole
    async def named(self, place: Place, person: str, name: str, *, now: float | None = None) -> None:
        """Somebody's display name is known now."""
        async with self._transaction() as session:
            await _name(session, place, person, name, time.time() if now is None else now)

    @_whole
    async def knows_name(self, place: Place, person: str) -> bool:
        async with self._transaction() as session:
            return await session.get(PersonName, (place.platform, place.workspace, person)) is not None

    # ------------------------------------------------------------------------------------------ budgets, upkeep

    @_whole
    async def keep_budgets(self, platform: str, learned: dict[str, Any], *, now: float | None = None) -> None:
        now = time.time() if now is None else now
        async with self._transaction() as session:
            await session.merge(Budgets(platform=platform, learned=learned, at=now))

    @_whole
    async def budgets(
        self, platform: str, *, now: float | None = None
    ) -> tuple[dict[str, Any], float] | None:
        """What was learned, and how many seconds ago; None where nothing was, or more than ten minutes ago."""
        now = time.time() if now is None else now
        async with self._transaction() as session:
            row = await session.get(Budgets, platform)
            if row is None or not 0 <= now - row.at <= _BUDGETS_KEPT:
                return None
            return row.learned, now - row.at

    @_whole
    async def prune(self, *, now: float | None = None) -> None:
        """Forget claims that no platform can redeliver any more."""
        now = time.time() if now is None else now
        async with self._transaction() as session:
            await session.execute(delete(Claim).where(Claim.at < now - _CLAIMS_KEPT))


async def _bind(session: AsyncSession, anchor: str, conversation: int) -> None:
    await session.execute(
        insert(Anchor)
        .values(anchor=anchor, conversation=conversation)
        .on_conflict_do_update(index_elements=[Anchor.anchor], set_={"conversation": conversation})
    )


async def _name(session: AsyncSession, place: Place, person: str, name: str, now: float) -> None:
    await session.merge(
        PersonName(platform=place.platform, workspace=place.workspace, id=person, name=name, at=now)
    )


def _plain(place: Place) -> dict[str, Any]:
    """A place as it may be stored: its short-lived route is a secret."""
    plain = asdict(replace(place, route=""))
    del plain["route"]
    return plain


def _pragmas(connection: Any, _record: Any) -> None:
    """Write-ahead log: readers never wait for the writer, and a killed process loses no committed transaction."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
