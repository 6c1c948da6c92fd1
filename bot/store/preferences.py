"""What managers set, for a workspace and for a channel. Law: only what was set is kept, and a reader never sees an old
setting after a write has returned.

Read with every question, so what was read is remembered. Settings are written by this process alone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from bot.store.engine import Database, Part, whole
from bot.store.tables import Changes

# Places whose settings are remembered; more than that, and all are forgotten and read again.
_REMEMBERED = 20_000

_Where: TypeAlias = tuple[str, str, str]
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class PreferenceStore(Part):
    """Reach it as `store.preferences`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._known: dict[_Where, Mapping[str, Any]] = {}
        self._writes = 0

    async def changes(
        self, platform: str, workspace: str, channel: str
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """What is set for the workspace, and what for the channel; do not change them."""
        return await self._of((platform, workspace, "")), await self._of((platform, workspace, channel))

    async def _of(self, where: _Where) -> Mapping[str, Any]:
        known = self._known.get(where)
        if known is not None:
            return known
        writes = self._writes
        read = await self._read(where)
        if self._writes == writes:  # or else what was read may be older than what has been written meanwhile
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[where] = read
        return read

    @whole
    def _read(self, where: _Where) -> Mapping[str, Any]:
        with self._transaction() as session:
            row = session.get(Changes, where)
            return _NOTHING if row is None else MappingProxyType(row.changed)

    async def change(
        self,
        platform: str,
        workspace: str,
        channel: str,
        changes: Mapping[str, Any],
        *,
        by: str,
        now: float | None = None,
    ) -> None:
        """Set what `changes` names; None: it follows the level above again. `channel` "": the whole workspace."""
        where = (platform, workspace, channel)
        self._forget(where)
        try:
            await self._write(where, changes, by, time.time() if now is None else now)
        finally:
            self._forget(where)

    def _forget(self, where: _Where) -> None:
        self._writes += 1
        self._known.pop(where, None)

    @whole
    def _write(self, where: _Where, changes: Mapping[str, Any], by: str, now: float) -> None:
        with self._transaction() as session:
            row = session.get(Changes, where)
            both = {**(row.changed if row is not None else {}), **changes}
            kept = {name: value for name, value in both.items() if value is not None}
            if row is not None and not kept:
                session.delete(row)
            elif kept:
                platform, workspace, channel = where
                session.merge(
                    Changes(
                        platform=platform, workspace=workspace, channel=channel, changed=kept, by=by, at=now
                    )
                )
