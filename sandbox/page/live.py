"""One viewer's WebSocket: a snapshot first, then what changed. Law: a slow viewer gets fewer and newer updates.

    server -> page   {"type": "snapshot", ...}   everything (view.View.snapshot)
                     {"type": "update", "messages": [...], "removed": [[platform, channel, id]], "channels": {...},
                      "sample": [...], now, scale, speed, enforced, budgets, lag, statuses, forms, notices, offers, agents}
                                                 each part only if it changed
                     {"type": "answer", "ref": n, "ok": true, "result": ...} or {..., "ok": false, "problem": "..."}
    page -> server   {"do": "say", "ref": n, ...}   (deeds.DEEDS)

What changed is noted as a set of keys, and rendered when it is sent: twenty messages that grow cost a viewer at most
one update each SPACING seconds, however many edits there were.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, Final

from aiohttp import WSMsgType, web

from sandbox.page.deeds import DeedError, do
from sandbox.page.growth import Key
from sandbox.page.servers import PLATFORMS, PlatformName
from sandbox.page.view import View
from sandbox.record import Entry

log = logging.getLogger(__name__)

SPACING: Final = 0.06  # real seconds between two updates: beyond 16 a second nobody reads faster
GAUGES_EVERY: Final = 0.25  # real seconds between two looks at the budgets and the lag
HEARTBEAT: Final = 20.0
# Entries that change what stands around the messages.
NEWS: Final = frozenset(
    {
        "status",
        "view",
        "modal",
        "modal_closed",
        "interaction",
        "unacked",
        "command",
        "channel",
        "session",
        "prompts",
    }
)
MOST_BYTES: Final = 512 * 1024


class Viewers:
    """All pages that are open, and the one task that looks at the gauges while there are any."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.open: set[Viewer] = set()
        self._stop = view.world.record.listen(self._note)
        self._gauging: asyncio.Task[None] | None = None

    def _note(self, entry: Entry) -> None:
        touched = self.view.feed(entry)
        if entry.kind == "removed":
            touched = {(entry.platform, str(entry["channel"]), str(entry["message"]))}
        for viewer in self.open:
            viewer.note(entry, touched)

    def enter(self, viewer: Viewer) -> None:
        self.open.add(viewer)
        if self._gauging is None:
            self._gauging = asyncio.get_running_loop().create_task(self._gauge())
            self._gauging.add_done_callback(self._gauged)

    def leave(self, viewer: Viewer) -> None:
        self.open.discard(viewer)

    async def _gauge(self) -> None:
        """Look at the gauges; ends itself when nobody watches."""
        while self.open:
            now = self.view.world.clock.now()
            sample = self.view.sample(now)
            gauges = self.view.gauges(now)
            for viewer in self.open:
                viewer.gauge(gauges, sample)
            await asyncio.sleep(GAUGES_EVERY)

    def _gauged(self, task: asyncio.Task[None]) -> None:
        self._gauging = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the gauges of the page failed", exc_info=error)

    async def close(self) -> None:
        """End every page's connection; the pages then try to come back."""
        self._stop()
        if (task := self._gauging) is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for viewer in tuple(self.open):
            await viewer.socket.close(code=1001, message=b"the sandbox is stopping")


class Viewer:
    def __init__(self, view: View, socket: web.WebSocketResponse) -> None:
        self.view = view
        self.socket = socket
        self._changed: set[Key] = set()
        self._answers: list[dict[str, Any]] = []
        self._gauges: dict[str, Any] = {}
        self._told: dict[str, Any] = {}
        self._sample: tuple[float, int, float] | None = None
        self._news = asyncio.Event()
        self._moved = False
        self._channels: dict[PlatformName, list[dict[str, Any]]] = {}
        self._deeds: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------------------------------------------ noting

    def note(self, entry: Entry, touched: set[Key]) -> None:
        if touched:
            self._changed |= touched
            self._news.set()
        elif entry.kind in NEWS:
            self._news.set()
        self._moved = self._moved or entry.kind == "channel"

    def gauge(self, gauges: dict[str, Any], sample: tuple[float, int, float]) -> None:
        self._gauges, self._sample = gauges, sample
        self._news.set()

    # ------------------------------------------------------------------------------------------------ talking

    async def run(self) -> None:
        """Until the page goes away."""
        # Everything up to here is in the snapshot; what happens while it is being sent is noted already.
        snapshot = self.view.snapshot()
        self._channels = {name: snapshot["platforms"][name]["channels"] for name in PLATFORMS}
        await self._send(snapshot)
        telling = asyncio.get_running_loop().create_task(self._tell())
        try:
            async for message in self.socket:
                if message.type is WSMsgType.TEXT:
                    self._hear(message.data)
                else:
                    self._answer(
                        {"type": "answer", "ref": None, "ok": False, "problem": "the page speaks JSON text"}
                    )
        finally:
            tasks = {telling, *self._deeds}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _hear(self, text: str) -> None:
        """A deed runs beside the others: a slow one holds nobody up."""
        task = asyncio.get_running_loop().create_task(self._do(text))
        self._deeds.add(task)
        task.add_done_callback(self._deeds.discard)

    async def _do(self, text: str) -> None:
        ref: Any = None
        try:
            deed = json.loads(text)
            ref = deed.get("ref") if isinstance(deed, dict) else None
            self._answer({"type": "answer", "ref": ref, "ok": True, "result": await do(self.view, deed)})
        except DeedError as error:
            self._problem(ref, str(error))
        except (json.JSONDecodeError, RecursionError):
            self._problem(ref, "that was no JSON")
        except Exception:
            # A fault of the sandbox, not of the viewer: told in the log with its trace, and to the viewer at all.
            log.exception("a deed of the page failed")
            self._problem(ref, "the sandbox failed at that; its log says why")

    def _problem(self, ref: Any, problem: str) -> None:
        self._answer({"type": "answer", "ref": ref, "ok": False, "problem": problem})

    def _answer(self, answer: dict[str, Any]) -> None:
        self._answers.append(answer)
        self._news.set()

    async def _tell(self) -> None:
        try:
            while not self.socket.closed:
                await self._news.wait()
                self._news.clear()
                answers, self._answers = self._answers, []
                for answer in answers:
                    await self._send(answer)
                update = self._update()
                if len(update) > 1:
                    await self._send(update)
                await asyncio.sleep(SPACING)
        except ConnectionError:
            return  # the page is gone; the reading side notices too
        except Exception:
            log.exception("an update of the page failed")
            await self.socket.close(code=1011, message=b"an update failed")

    def _update(self) -> dict[str, Any]:
        changed, self._changed = self._changed, set()
        moved, self._moved = self._moved, False
        update: dict[str, Any] = {"type": "update"}
        if changed or moved:
            channels = {name: self.view.channels(name) for name in PLATFORMS}
            if channels != self._channels:
                update["channels"] = self._channels = channels
            messages, gone = self.view.messages(changed)
            if messages:
                update["messages"] = messages
            if gone:
                update["removed"] = gone
            update["now"] = round(self.view.world.clock.now(), 3)
        gauges, self._gauges = self._gauges, {}
        gauges |= self.view.around(self.view.world.clock.now())
        for name, value in gauges.items():
            if self._told.get(name) != value:
                update[name] = self._told[name] = value
        if self._sample is not None:
            update["sample"], self._sample = self._sample, None
        return update

    async def _send(self, message: dict[str, Any]) -> None:
        if not self.socket.closed:
            await self.socket.send_str(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
