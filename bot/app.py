"""From the first connection to the last edit. Law: the nesting of lifetimes is the order of the shutdown.

    store > Claude's client > each platform's outbox > its connection > its events > the replies

What stands further right ends first. At SIGTERM or SIGINT the replies drain while events still arrive (a Stop must
stop, and a new question is told to wait); a second signal ends the waiting.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack

from pydantic import SecretStr

from bot.claude.answer import Claude
from bot.claude.models import Models
from bot.claude.prices import Prices
from bot.conversation.channel import Channel
from bot.conversation.conversations import Conversations
from bot.conversation.journal import StoreJournal
from bot.ports import ConnectError, Health, Platform
from bot.reply.outbox import Outbox
from bot.service import logs
from bot.service.health import HealthServer
from bot.service.metrics import Metrics
from bot.settings import Settings
from bot.store.nouns import Unfinished
from bot.store.store import Store, StoreError

log = logging.getLogger(__name__)

# Seconds for which the event loop, or the database's thread, keeps the interpreter when the other wants it, too. By
# default five times as long: with a hundred conversations an end was written down half a second later.
_SWITCH = 0.001

# After the drain, for the last edits of what was interrupted: a full Slack bucket sends ten at once, and refills
# within this.
_GRACE = 10.0
# For a question that arrived while the last edits went out, and is told to wait.
_LAST_WORDS = 1.0
# For the last steps: platforms that do not close, a disk that does not answer. The stop timeouts under deploy/ are
# the drain plus 15 s, which is more than these three.
_PATIENCE = 3.0
_UPKEEP_EVERY = 60.0
_FORGET_EVERY = 3600.0
_BREATH = 0.1  # seconds between two parts of that, of which each takes about 0.01: a tenth of the disk's time at most


class _CannotStart(Exception):
    """A sentence for the person who runs the bot."""


class App:
    """One process of the bot. Make it, `run` it once."""

    def __init__(self, settings: Settings, platforms: Sequence[Platform]) -> None:
        self._settings = settings
        self._platforms = platforms
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._draining = False
        self._failed: str | None = None  # why a platform will not have us

    async def run(self) -> int:
        """Serve until a signal. Returns the exit code: 0 after an orderly end, 1 after any other."""
        logs.hide(value.get_secret_value() for _, value in self._settings if isinstance(value, SecretStr))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number)
        try:
            await self._serve()
        except StoreError as error:
            log.critical("app.no_database", extra={"reason": str(error)})
            return 1
        except _CannotStart as error:
            log.critical("app.cannot_start", extra={"reason": str(error)})
            return 1
        except Exception:
            # Through the log, which leaves out secrets and people's words; a bare traceback does not.
            log.critical("app.failed", exc_info=True)
            return 1
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
        if self._failed is not None:
            log.critical("app.cannot_connect", extra={"reason": self._failed})
            return 1
        return 0

    def _signalled(self, number: signal.Signals) -> None:
        log.info("app.signal", extra={"signal": number.name})
        (self._hurry if self._stop.is_set() else self._stop).set()

    async def _serve(self) -> None:
        settings = self._settings
        sys.setswitchinterval(_SWITCH)
        async with AsyncExitStack() as stack:
            store = await Store.open(settings.database_url)
            stack.push_async_callback(store.close)
            journal = StoreJournal(store)
            key = settings.anthropic_api_key
            claude = Claude(
                api_key=key.get_secret_value() if key else "none",
                base_url=settings.anthropic_base_url,
                silence=settings.silence_seconds,
            )
            stack.push_async_callback(claude.close)
            models = Models(claude.client, configured=settings.model)
            stack.push_async_callback(models.close)
            channels = {
                platform.profile.name: Channel(platform, Outbox(platform)) for platform in self._platforms
            }
            for platform in self._platforms:  # closed long before, unless something broke on the way
                stack.push_async_callback(platform.close)
            conversations = Conversations(
                settings=settings,
                store=store,
                journal=journal,
                claude=claude,
                prices=Prices.load(settings.prices),
                models=models,
            )
            released = await store.ledger.release_all()
            if released:
                log.info("spending.released", extra={"reservations": released})
            for name, channel in channels.items():
                await self._recall_budgets(store, name, channel)
            unfinished = await store.unfinished()
            await self._start_health(stack, channels)
            async with asyncio.TaskGroup() as background:
                tasks = [
                    background.create_task(journal.run(), name="journal"),
                    background.create_task(self._upkeep(store, channels), name="upkeep"),
                    background.create_task(self._forget_old(store), name="forget old"),
                ]
                for name, channel in channels.items():
                    tasks.append(background.create_task(channel.outbox.run(), name=f"outbox {name}"))
                async with asyncio.TaskGroup() as serving:
                    listening = [
                        serving.create_task(
                            self._listen(
                                channel,
                                conversations,
                                [left for left in unfinished if left.place.platform == name],
                            ),
                            name=f"listen {name}",
                        )
                        for name, channel in channels.items()
                    ]
                    await self._stop.wait()
                    self._draining = True
                    await self._drain(conversations)
                    for task in listening:
                        task.cancel()
                await conversations.close(0.0 if self._hurry.is_set() else _LAST_WORDS)
                await self._put_away(store, journal, channels)
                for task in tasks:
                    task.cancel()
        log.info("app.ended")

    async def _put_away(self, store: Store, journal: StoreJournal, channels: dict[str, Channel]) -> None:
        """The last steps, side by side: each may fail or hang without costing the others their turn."""
        await asyncio.gather(
            _step("journal", journal.flush()),
            _step("budgets", self._keep_budgets(store, channels)),
            *(_step(f"close {name}", channel.platform.close()) for name, channel in channels.items()),
        )

    async def _listen(
        self, channel: Channel, conversations: Conversations, left: Sequence[Unfinished]
    ) -> None:
        """One platform's events, from its connection to the end of the process; first what a crash left there."""
        name = channel.platform.profile.name
        try:
            await channel.platform.connect(channel.outbox)
        except ConnectError as error:
            self._failed = str(error)
            self._stop.set()
            return
        except Exception as error:
            log.exception("platform.connect_failed", extra={"platform": name})
            self._failed = f"{name}: an unexpected {type(error).__name__}; the log says where"
            self._stop.set()
            return
        log.info("platform.connected", extra={"platform": name, "unfinished": len(left)})
        conversations.mend(channel, left)
        while True:
            try:
                async for event in channel.platform.events():
                    conversations.take(channel, event)
            except Exception:
                # A bug in an adapter: one event is lost and logged, the bot goes on listening.
                log.exception("platform.events_failed", extra={"platform": name})
            await asyncio.sleep(1)

    async def _drain(self, conversations: Conversations) -> None:
        seconds = self._settings.drain_seconds if self._failed is None else 0.0
        draining = asyncio.create_task(conversations.drain(seconds, _GRACE))
        hurry = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({draining, hurry}, return_when=asyncio.FIRST_COMPLETED)
        if not draining.done():
            # A second signal: no more waiting. What is left stands in the journal for the next start.
            draining.cancel()
            await asyncio.wait({draining})
        elif left := draining.result():
            log.warning("drain.left", extra={"replies": left})
        hurry.cancel()

    async def _start_health(self, stack: AsyncExitStack, channels: dict[str, Channel]) -> None:
        if self._settings.health_port is None:
            return

        def ask() -> tuple[dict[str, Health], bool]:
            return {name: channel.platform.health() for name, channel in channels.items()}, self._draining

        metrics = Metrics(
            lambda: (*ask(), {name: channel.outbox.snapshot() for name, channel in channels.items()})
        )
        logging.getLogger().addHandler(metrics)
        stack.callback(logging.getLogger().removeHandler, metrics)
        server = HealthServer(self._settings.health_host, self._settings.health_port, ask, metrics.page)
        stack.push_async_callback(server.stop)
        try:
            port = await server.start()
        except OSError as error:
            wanted = f"{self._settings.health_host}:{self._settings.health_port}"
            raise _CannotStart(
                f"HEALTH_HOST:HEALTH_PORT {wanted} cannot be used: {error.strerror}"
            ) from error
        log.info("health.listening", extra={"port": port})

    async def _upkeep(self, store: Store, channels: dict[str, Channel]) -> None:
        while True:
            try:
                await asyncio.sleep(_UPKEEP_EVERY)
                await self._keep_budgets(store, channels)
            except Exception:  # whatever a disk does, the replies go on
                log.exception("upkeep.failed")

    async def _forget_old(self, store: Store) -> None:
        """Off and on, and never for long at a time: whoever asks the disk something meanwhile goes before the next part."""
        keep = self._settings.keep_days * 86_400.0
        while True:
            try:
                parts = 1
                while await store.forget_old(keep):
                    parts += 1
                    await asyncio.sleep(_BREATH)
                if parts > 1:
                    log.info("store.old_forgotten", extra={"parts": parts})
            except Exception:  # whatever a disk does, the replies go on
                log.exception("store.old_not_forgotten")
            await asyncio.sleep(_FORGET_EVERY)

    async def _recall_budgets(self, store: Store, name: str, channel: Channel) -> None:
        remembered = await store.budgets(name)
        if remembered is not None:
            learned, age = remembered
            channel.outbox.restore(learned, age)

    async def _keep_budgets(self, store: Store, channels: dict[str, Channel]) -> None:
        for name, channel in channels.items():
            learned = channel.outbox.export()
            if learned:
                await store.keep_budgets(name, learned)


async def _step(name: str, work: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(_PATIENCE):
            await work
    except Exception:
        log.exception("app.step_failed", extra={"step": name})
