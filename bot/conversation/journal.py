"""The journal of growing replies. Law: frames never wait for the disk, nor the disk for frames, and what the disk
refused is told it again until it knows.

Texts that grew are gathered and written about once a second, in one transaction. What happens seldom to a reply (a
message leaves with its first words, a message exists, the answer has ended, the view is settled) is a debt to the disk,
paid at once and in this order; only the end is waited for, and not for ever: a disk that hangs costs crash safety, not
the answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from bot.claude.events import Usage
from bot.conversation.routing import reply_anchors
from bot.ports import Place, Ref
from bot.reply.nouns import Turn
from bot.store.store import Store

log = logging.getLogger(__name__)

# What a killed process may lose of a text that people had seen.
_EVERY = 1.0
# After a disk that failed: doubled with each failure in a row, so that a full disk does not fill the log too.
_AGAIN = 1.0
_AGAIN_MOST = 30.0
# How long the last edit waits for a disk that does not answer. SQLite gives up on a locked file after 5 s
# (`busy_timeout` in store.py), so what takes longer hangs.
_PATIENCE = 6.0
_SIDE_BY_SIDE = 8  # payments at once; the disk takes one after the other

Closed = Literal["shown", "gone", "denied"]


@dataclass(frozen=True, slots=True)
class _End:
    text: str
    notice: str
    turn: Turn
    usage: Usage
    reason: str
    seconds: float


@dataclass(slots=True, eq=False)
class _Debt:
    """What the disk does not know yet of one reply."""

    shows: bool = False
    posted: tuple[Sequence[Ref], Place] | None = None
    end: _End | None = None
    closed: Closed | None = None
    paying: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def names(self) -> set[str]:
        """Under which its conversation is to be found."""
        if self.posted is None:
            return set()
        refs, place = self.posted
        return set(reply_anchors(place, refs))

    @property
    def paid(self) -> bool:
        return not self.shows and self.posted is None and self.end is None and self.closed is None


class StoreJournal:
    """`bot.reply.reply.Journal` on the store; `run` it in a task group."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._growing: dict[str, Callable[[], str]] = {}
        self._written: dict[str, int] = {}
        self._debts: dict[str, _Debt] = {}
        self._payments: set[asyncio.Task[bool]] = set()
        self._grown = asyncio.Event()
        self._owed = asyncio.Event()

    async def run(self) -> None:
        """Write what has come together, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep(self._grown, self._write_texts, every=_EVERY), name="journal texts")
            tasks.create_task(self._keep(self._owed, self._pay_all, every=0.0), name="journal debts")

    async def flush(self) -> None:
        """Write everything that is not written yet, now."""
        await self._pay_all()
        await self._write_texts()

    # ------------------------------------------------------------------------------------------ what replies tell

    def posted(self, reply: str, refs: Sequence[Ref], place: Place) -> None:
        self._debt(reply).posted = (refs, place)
        self._owed.set()

    async def known(self, anchors: Collection[str]) -> None:
        """Somebody looks for a conversation under these names: wait until the disk knows those that are new."""
        owed = [reply for reply, debt in self._debts.items() if not debt.names.isdisjoint(anchors)]
        for reply in owed:
            await self._pay_soon(reply)

    def growing(self, reply: str, text: Callable[[], str]) -> None:
        self._growing[reply] = text
        self._grown.set()

    def shows(self, reply: str) -> None:
        if reply in self._growing:
            self._debt(reply).shows = True
            self._owed.set()

    async def ended(
        self,
        reply: str,
        *,
        text: str,
        notice: str,
        turn: Turn,
        usage: Usage,
        reason: str = "",
        seconds: float = 0.0,
    ) -> None:
        self._forget_text(reply)
        self._debt(reply).end = _End(text, notice, turn, usage, reason, seconds)
        await self._pay_soon(reply)

    async def closed(self, reply: str, state: Closed) -> None:
        self._forget_text(reply)
        self._debt(reply).closed = state
        await self._pay_soon(reply)

    def _forget_text(self, reply: str) -> None:
        self._growing.pop(reply, None)
        self._written.pop(reply, None)

    def _debt(self, reply: str) -> _Debt:
        return self._debts.setdefault(reply, _Debt())

    # ------------------------------------------------------------------------------------------ writing

    @staticmethod
    async def _keep(work: asyncio.Event, write: Callable[[], Awaitable[bool]], *, every: float) -> None:
        """Write whenever there is work, at most once in `every` seconds, and ever more rarely while it fails."""
        failures = 0
        while True:
            await work.wait()
            work.clear()
            if await write():
                failures = 0
                await asyncio.sleep(every)
            else:
                await asyncio.sleep(min(_AGAIN_MOST, _AGAIN * 2.0**failures))
                failures += 1
                work.set()

    async def _write_texts(self) -> bool:
        if self._growing:
            self._grown.set()
        try:
            await self._write(tuple(self._growing))
        except Exception:  # whatever a disk does, the replies go on
            log.exception("journal.texts_not_written", extra={"replies": len(self._growing)})
            return False
        return True

    async def _write(self, replies: Sequence[str]) -> None:
        texts = [(reply, self._growing[reply]()) for reply in replies if reply in self._growing]
        new = [(reply, text) for reply, text in texts if len(text) != self._written.get(reply, 0)]
        if not new:
            return
        await self._store.grew(new)
        for reply, text in new:
            if reply in self._growing:
                self._written[reply] = len(text)

    async def _pay_all(self) -> bool:
        left = iter(tuple(self._debts))

        async def payer() -> bool:
            return all([await self._pay(reply) for reply in left])

        # Side by side: of many replies that a crash left, one whose question to the disk hangs delays no other.
        return all(await asyncio.gather(*(payer() for _ in range(_SIDE_BY_SIDE))))

    async def _pay_soon(self, reply: str) -> None:
        """Pay now; should that take too long or fail, it goes on behind the caller's back."""
        payment = asyncio.create_task(self._pay(reply), name=f"journal {reply}")
        self._payments.add(payment)
        payment.add_done_callback(self._payments.discard)
        done, _ = await asyncio.wait({payment}, timeout=_PATIENCE)
        if not done:
            log.warning("journal.slow", extra={"reply": reply, "seconds": _PATIENCE})

    async def _pay(self, reply: str) -> bool:
        """Tell the disk what it does not know of this reply, in order. Whether it knows all now."""
        debt = self._debts.get(reply)
        if debt is None:
            return True
        async with debt.paying:
            try:
                while not debt.paid:
                    await self._pay_next(reply, debt)
            except Exception:
                log.exception("journal.not_written", extra={"reply": reply})
                self._owed.set()
                return False
            if self._debts.get(reply) is debt:
                del self._debts[reply]
        return True

    async def _pay_next(self, reply: str, debt: _Debt) -> None:
        if debt.shows:
            await self._write((reply,))
            debt.shows = False
        elif debt.posted is not None:
            posted = refs, place = debt.posted
            await self._store.posted(reply, refs, place, reply_anchors(place, refs))
            if debt.posted is posted:  # nothing newer has come meanwhile
                debt.posted = None
        elif debt.end is not None:
            end = debt.end
            await self._store.ended(
                reply,
                text=end.text,
                notice=end.notice,
                turn=end.turn,
                tokens=asdict(end.usage),
                stop_reason=end.reason,
                seconds=end.seconds,
            )
            debt.end = None
        elif debt.closed is not None:
            await self._store.closed(reply, debt.closed)
            debt.closed = None
