"""One database, and what a question to it is: a short transaction. Law: one that was begun is finished, also when the
task that asked for it is cancelled meanwhile.

One connection serves the process: SQLite writes one at a time anyway, and so nobody meets a locked database. It lives in
a thread of its own, and a transaction is one errand there: statement by statement from the event loop, each of them
would wait until whatever else the loop does is done, and with a hundred conversations an end was written down after
seconds.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Concatenate, ParamSpec, TypeVar

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

# Seconds after which a question to the database counts as failed. A locked file is given up after 5 (`busy_timeout`
# below); what takes longer than this hangs, and people are told rather than left without a word.
HANGING = 20.0
# The same for a task that was cancelled meanwhile: a Stop, or the end of the process, must not wait so long.
_LEAVING = 3.0
_STRANGERS = 20_000  # about 3 MB

S = TypeVar("S", bound="Part")
P = ParamSpec("P")
T = TypeVar("T")


class StoreError(Exception):
    """The database could not be opened, read or written; the message names no row."""


class _Errands:
    """A thread that does one after the other. The end of the process waits for none: what hangs would keep it for ever."""

    def __init__(self) -> None:
        self._errands: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        Thread(target=self._run, name="store", daemon=True).start()

    def do(self, errand: Callable[[], T]) -> asyncio.Future[T]:
        """What comes of it, after all that was asked for before."""
        done: Future[T] = Future()
        self._errands.put((done, errand))
        return asyncio.wrap_future(done)

    def end(self) -> None:
        """No more come."""
        self._errands.put(None)

    def _run(self) -> None:
        while (next_one := self._errands.get()) is not None:
            done, errand = next_one
            if not done.set_running_or_notify_cancel():
                continue
            try:
                done.set_result(errand())
            except BaseException as error:  # noqa: BLE001 (whoever waits for it is told, whatever it is)
                done.set_exception(error)


class Database:
    """Open it with `Database.open`, close it last."""

    def __init__(self, engine: Engine, errands: _Errands) -> None:
        self._engine = engine
        self.errands = errands
        self.strangers = Strangers()
        self._sessions = sessionmaker(engine, expire_on_commit=False)

    @classmethod
    async def open(cls, url: str) -> Database:
        """Open the database and bring it up to date. Raises StoreError."""
        errands = _Errands()
        engine: Engine | None = None
        try:
            engine = await errands.do(lambda: _opened(url))
        finally:
            if engine is None:
                errands.end()
        return cls(engine, errands)

    async def close(self) -> None:
        """What hangs is left alone after some seconds: whatever was committed is safe."""
        disposing = self.errands.do(self._engine.dispose)
        await asyncio.wait({disposing}, timeout=_LEAVING)
        disposing.add_done_callback(_heard)
        self.errands.end()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Committed at its end, rolled back where it fails. Raises StoreError."""
        try:
            with self._sessions() as session, session.begin():
                yield session
        except SQLAlchemyError as error:
            raise StoreError(f"{type(error).__name__}: {getattr(error, 'orig', '')}") from error


def _opened(url: str) -> Engine:
    engine: Engine | None = None
    try:
        engine = create_engine(url, pool_size=1, max_overflow=0, hide_parameters=True)
        event.listen(engine, "connect", _pragmas)
        with engine.connect() as connection:
            # A table that is made anew for a change of its columns must not take along what refers to it; and
            # whatever goes wrong half-way, the file is as it was.
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            _migrate(connection)
            connection.commit()
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")
    except (SQLAlchemyError, CommandError, OSError) as error:
        if engine is not None:
            engine.dispose()
        # SQLAlchemy's own message may hold statements and values: its class and the driver's words are enough.
        raise StoreError(f"{type(error).__name__}: {getattr(error, 'orig', None) or error}") from error
    return engine


class Strangers:
    """Anchors that are known to lead nowhere. Most of what is said in a busy workspace stands in threads where the bot
    takes no part, and ten thousand such messages a minute must not cost ten thousand transactions.

    Asked and told by the event loop and by the thread of the connection.
    """

    def __init__(self) -> None:
        self._known: dict[str, None] = {}
        self._meetings = 0
        self._lock = Lock()

    def __contains__(self, anchor: str) -> bool:
        return anchor in self._known

    @property
    def meetings(self) -> int:
        """Grows with every anchor that begins to lead somewhere: what was read before may not hold any more."""
        return self._meetings

    def remember(self, anchors: Iterable[str], *, since: int) -> None:
        """They led nowhere when `meetings` was so many."""
        with self._lock:
            if since != self._meetings:
                return
            for anchor in anchors:
                self._known[anchor] = None
            while len(self._known) > _STRANGERS:
                del self._known[next(iter(self._known))]

    @contextmanager
    def meeting(self, anchors: Iterable[str]) -> Iterator[None]:
        """They will lead somewhere when this is over."""
        anchors = tuple(anchors)
        self._met(anchors)
        try:
            yield
        finally:
            self._met(anchors)

    def _met(self, anchors: Iterable[str]) -> None:
        with self._lock:
            self._meetings += 1
            for anchor in anchors:
                self._known.pop(anchor, None)


class Part:
    """The questions of one kind. Every method raises StoreError where the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def _strangers(self) -> Strangers:
        return self._database.strangers

    def do(self, errand: Callable[[], T]) -> asyncio.Future[T]:
        """Have something done where the connection lives."""
        return self._database.errands.do(errand)

    def _transaction(self) -> AbstractContextManager[Session]:
        return self._database.transaction()


def whole(
    method: Callable[Concatenate[S, P], T],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """A transaction, done where the connection lives. One that was asked for is done, also when the task that did so is
    cancelled meanwhile.
    """

    @functools.wraps(method)
    async def run(part: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        work = part.do(lambda: method(part, *args, **kwargs))
        try:
            done, _ = await asyncio.wait({work}, timeout=HANGING)
        except asyncio.CancelledError:
            await asyncio.wait({work}, timeout=_LEAVING)
            work.add_done_callback(_heard)
            raise
        if not done:
            # It goes on, and may yet come to its end: nobody can tell.
            work.add_done_callback(_heard)
            raise StoreError(f"Hanging: no answer within {HANGING:.0f} s")
        return work.result()

    return run


def _heard(work: asyncio.Future[Any]) -> None:
    """Nobody waits for it any more: what became of it is not an error that nobody looked at."""
    if not work.cancelled():
        work.exception()


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
