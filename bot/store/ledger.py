"""What was spent, and what the answers under way may cost. Law: whether there is room, and taking it, is one
transaction; and money is integer millionths of a dollar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from sqlalchemy import ColumnElement, Select, delete, func, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from bot.store.engine import Part, whole
from bot.store.tables import Entry, Reservation

Whose: TypeAlias = Literal["person", "channel", "workspace"]


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays for a reply: a person (in a workspace), a channel, a workspace."""

    platform: str
    workspace: str
    channel: str
    person: str


@dataclass(frozen=True, slots=True)
class Cost:
    """Replies, their tokens, and what they cost."""

    replies: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cache_read: int = 0
    cache_written: int = 0
    searches: int = 0
    micros: int = 0


@dataclass(frozen=True, slots=True)
class Full:
    """A limit that is reached: `spent` and `reserved` of it, in millionths of a dollar."""

    whose: Whose
    limit: int
    spent: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Period:
    """A day or a month of a person, their channel and their workspace."""

    person: Cost
    channel: Cost
    workspace: Cost


@dataclass(frozen=True, slots=True)
class Summary:
    today: Period
    month: Period


class Ledger(Part):
    """Reach it as `store.ledger`. Times are epoch seconds; days are UTC."""

    @whole
    def reserve(
        self, reply: str, account: Account, micros: int, limits: Mapping[Whose, int], *, now: float
    ) -> Full | None:
        """Set `micros` aside, if what is spent and reserved today is below each limit; or say which is reached.

        A limit of 0 is none. What was reserved for the same reply before is replaced.
        """
        day = day_of(now)
        with self._transaction() as session:
            session.execute(delete(Reservation).where(Reservation.reply == reply))
            for whose, limit in limits.items():
                if limit <= 0:
                    continue
                spent = _sum(session, Entry, account, whose, day)
                reserved = _sum(session, Reservation, account, whose, day)
                if spent + reserved >= limit:
                    return Full(whose, limit, spent, reserved)
            session.add(Reservation(reply=reply, day=day, **asdict(account), micros=micros))
            return None

    @whole
    def settle(self, reply: str, cost: Cost) -> bool:
        """The reservation becomes an entry of the day on which it was made. False: there is none (any more)."""
        with self._transaction() as session:
            kept = session.get(Reservation, reply)
            if kept is None:
                return False
            session.delete(kept)
            if cost != Cost():
                _enter(
                    session,
                    {
                        "day": kept.day,
                        "platform": kept.platform,
                        "workspace": kept.workspace,
                        "channel": kept.channel,
                        "person": kept.person,
                    },
                    asdict(cost),
                )
            return True

    @whole
    def release_all(self) -> int:
        """Let go of every reservation; how many there were."""
        with self._transaction() as session:
            released = session.execute(delete(Reservation).returning(Reservation.reply))
            return len(released.all())

    @whole
    def summary(self, account: Account, *, now: float) -> Summary:
        """Today and this month, UTC; what is under way is not in it."""
        day = day_of(now)
        with self._transaction() as session:
            periods = [
                Period(*[_cost(session, account, whose, since) for whose in _EACH])
                for since in (day, _first(day))
            ]
            return Summary(*periods)


def day_of(now: float) -> str:
    """The UTC day, "2026-11-23"."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")


def _first(day: str) -> str:
    """The first day of its month."""
    return f"{day[:7]}-01"


def forget(session: Session, platform: str, workspace: str | None, person: str) -> None:
    """Whose spending it was is forgotten when the day is over (see `anonymise`)."""
    under_way = (
        session.scalars(
            select(Reservation).where(Reservation.platform == platform, Reservation.person == person)
        )
    ).all()
    for kept in under_way:  # what is settled later falls into an entry that is to be forgotten, too
        _enter(session, {name: getattr(kept, name) for name in _KEY}, asdict(Cost()))
    where = [Entry.platform == platform, Entry.person == person]
    if workspace is not None:
        where.append(Entry.workspace == workspace)
    session.execute(update(Entry).where(*where).values(forget=True))


def anonymise(session: Session, now: float, *, most: int) -> int:
    """Spending of past days whose person asked to be forgotten becomes nobody's. How many entries, `most` at once."""
    left = select(Entry).where(Entry.forget, Entry.day < day_of(now)).limit(most)
    return _moved(session, left, lambda _: {"person": ""})


def fold(session: Session, before: float, now: float, *, most: int) -> int:
    """Entries of days before `before` become sums of their month and workspace, which stand on its first day. How many,
    `most` at once. What is told of this month stays as it is.
    """
    until = min(day_of(before), _first(day_of(now)))
    old = select(Entry).where(Entry.day < until, (Entry.channel != "") | (Entry.person != "")).limit(most)
    return _moved(session, old, lambda entry: {"day": _first(entry.day), "channel": "", "person": ""})


def _moved(session: Session, which: Select[Entry], where: Callable[[Entry], dict[str, str]]) -> int:
    """Each is added to what stands where it belongs now."""
    entries = (session.scalars(which)).all()
    sums: dict[tuple[str, ...], Counter[str]] = {}
    for entry in entries:
        place = {**{name: getattr(entry, name) for name in _KEY}, **where(entry)}
        cost = {name: getattr(entry, name) for name in _COUNTS}
        sums.setdefault(tuple(place.values()), Counter()).update(cost)
    keys = [tuple(getattr(entry, name) for name in _KEY) for entry in entries]
    session.execute(delete(Entry).where(tuple_(*(getattr(Entry, name) for name in _KEY)).in_(keys)))
    for key, total in sums.items():
        _enter(session, dict(zip(_KEY, key, strict=True)), dict(total))
    return len(entries)


_EACH: tuple[Whose, ...] = ("person", "channel", "workspace")
_KEY = ("day", "platform", "workspace", "channel", "person")
_COUNTS = tuple(field.name for field in fields(Cost))


def _of(table: type[Entry | Reservation], account: Account, whose: Whose) -> list[ColumnElement[bool]]:
    """The rows of one account; a person's and a channel's are within the workspace."""
    where = [table.platform == account.platform, table.workspace == account.workspace]
    if whose == "person":
        where.append(table.person == account.person)
    elif whose == "channel":
        where.append(table.channel == account.channel)
    return where


def _sum(session: Session, table: type[Entry | Reservation], account: Account, whose: Whose, day: str) -> int:
    total = session.scalar(
        select(func.coalesce(func.sum(table.micros), 0)).where(table.day == day, *_of(table, account, whose))
    )
    return int(total or 0)


def _cost(session: Session, account: Account, whose: Whose, since: str) -> Cost:
    sums = [func.coalesce(func.sum(getattr(Entry, name)), 0) for name in _COUNTS]
    row = (session.execute(select(*sums).where(Entry.day >= since, *_of(Entry, account, whose)))).one()
    return Cost(*(int(count) for count in row))


def _enter(session: Session, where: dict[str, str], cost: dict[str, int]) -> None:
    told = insert(Entry).values(**where, **cost, forget=False)
    session.execute(
        told.on_conflict_do_update(
            index_elements=_KEY,
            set_={name: getattr(Entry, name) + getattr(told.excluded, name) for name in _COUNTS},
        )
    )
