"""What is not kept for ever. Law: whoever asks the database something else never waits for more than one small batch of it,
and a conversation that is still reachable is whole.

A conversation that nobody touched for so long is forgotten with its answers and what was thought of them; what was spent
becomes sums of its month, without people and channels. First goes what leads to a conversation, then its words: whoever
comes back to it meanwhile finds either all or nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, exists, select, tuple_
from sqlalchemy.orm import Session

from bot.store import ledger
from bot.store.engine import Part, whole
from bot.store.tables import Anchor, Base, Claim, Conversation, PersonName, Reply, Turn

BATCH = 200
"""Rows in one transaction: about 10 ms of a file of 600 MB, on two busy cores."""

_AT_ONCE = 10  # conversations

# A platform redelivers for some minutes (Slack: up to 5; a socket's replay after a reconnect: a little more).
_CLAIMS_KEPT = 2 * 86_400.0


class Retention(Part):
    """One more part of the store. `now` is epoch seconds."""

    @whole
    def forget_old(self, keep: float, *, most: int = BATCH, now: float | None = None) -> bool:
        """Delete so many rows at most that are not needed any more. Whether there are more: call it again after a breath.

        `keep`: seconds for which a conversation is kept after the last word in it; 0: for ever.
        """
        now = time.time() if now is None else now
        with self._transaction() as session:
            left = most - _delete(session, Claim, [Claim.at < now - _CLAIMS_KEPT], most)
            if keep > 0 and left > 0:
                left -= _conversations(session, now - keep, left)
            if left > 0:
                left -= ledger.anonymise(session, now, most=left)
            if keep > 0 and left > 0:
                left -= ledger.fold(session, now - keep, now, most=left)
        return left <= 0


def _conversations(session: Session, before: float, most: int) -> int:
    """The oldest, and then the names of those who said nothing that is still kept."""
    # A restart may still have its last edit to send.
    owed = exists().where(Reply.conversation == Conversation.id, Reply.state.in_(("growing", "ending")))
    oldest = select(Conversation.id).where(Conversation.last < before, ~owed).order_by(Conversation.last)
    some = (session.scalars(oldest.limit(_AT_ONCE))).all()
    left = most
    for table in (Anchor, Reply, Turn):
        left -= _delete(session, table, [table.conversation.in_(some)], left)
    if left > 0:
        left -= _delete(session, Conversation, [Conversation.id.in_(some)], left)
    if some:
        return most  # there may be more of them
    quoted = exists().where(Turn.person == PersonName.id)
    return most - left + _delete(session, PersonName, [PersonName.at < before, ~quoted], left)


def _delete(session: Session, table: type[Base], where: Sequence[ColumnElement[bool]], most: int) -> int:
    """How many of these rows were deleted."""
    keys = tuple(table.__table__.primary_key)
    some = select(*keys).where(*where).limit(most)
    gone = session.execute(delete(table).where(tuple_(*keys).in_(some)).returning(keys[0]))
    return len(gone.all())
