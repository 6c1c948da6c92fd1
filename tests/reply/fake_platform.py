"""A chat platform in memory, on the loop's clock: budgets, latency, faults on demand, and what its viewers saw.

It counts calls with the sandbox's gates, which know nothing of the bot, and keeps every state that every message was
ever in. Faults are asked of a function per call, so that a test says what goes wrong in its own words.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from bot.ports import (
    Attachment,
    Bucket,
    Button,
    Content,
    Control,
    Dialect,
    Event,
    File,
    Gone,
    Health,
    Incoming,
    Line,
    Meter,
    Op,
    Outcome,
    Panel,
    Person,
    Place,
    Profile,
    Ref,
    Refused,
    Rule,
    Sent,
    Standing,
    Unavailable,
    Unread,
)
from bot.reply.outbox import Outbox
from sandbox.limits import Gate, Limit, Shape

SLACK = Rule(50 / 60, 10, "bucket", "observed", "reference")
SLACK_POST = Rule(1.0, 5, "bucket", "observed", "reference")
DISCORD = Rule(1.0, 5, "window", "observed", "reference")

PLACE = Place("fake", "T1", "C1")


@dataclass(frozen=True)
class FakePage:
    text: str
    closed: bool
    start: int
    end: int
    settled: int


class FakeDocument:
    """Text in pages of `limit` characters; its last `held` characters are held back until the end.

    The last `unsettled` characters of a frame may still change (they do not). A page that overflows is cut `early`
    characters before its end, though they were called settled.
    """

    def __init__(self, limit: int = 4000, held: int = 0, *, unsettled: int = 0, early: int = 0) -> None:
        self.text = ""
        self.limit = limit
        self.held = held
        self.unsettled = unsettled
        self.early = early
        self.ended = False
        self.notice = ""
        self.rendered = 0
        self._cuts: list[int] = []
        self._settled = 0

    @property
    def length(self) -> int:
        return len(self.text)

    def feed(self, fragment: str) -> None:
        assert not self.ended
        self.text += fragment

    def end(self, notice: str = "") -> None:
        self.ended, self.notice = True, notice

    def seal(self) -> None:
        """Close the open page where its last frame was settled."""
        if not self.ended and self._settled > (self._cuts[-1] if self._cuts else 0):
            self._cuts.append(self._settled)

    def pages(self) -> Sequence[FakePage]:
        self.rendered += 1
        shown = len(self.text) if self.ended else max(0, len(self.text) - self.held)
        while shown > (start := self._cuts[-1] if self._cuts else 0) + self.limit:
            self._cuts.append(start + self.limit - self.early)
        start = 0
        pages = []
        for end in self._cuts:
            pages.append(FakePage(self.text[start:end], True, start, end, end - start))
            start = end
        self._settled = max(self._settled, shown if self.ended else shown - self.unsettled, start)
        if shown > start:
            settled = min(self._settled, shown) - start
            pages.append(FakePage(self.text[start:shown], self.ended, start, shown, settled))
        if self.notice:
            pages.append(FakePage(self.notice, True, shown, shown, len(self.notice)))
        return pages


@dataclass(frozen=True)
class Seen:
    """A message as viewers saw it from `at` on."""

    at: float
    message: str
    text: str
    controls: tuple[Control, ...]
    verb: Literal["post", "edit"]
    thread: str


@dataclass
class Fault:
    """What goes wrong with one call.

    outcome   answered instead of carrying the call out
    lose      carried out (`after` seconds later), and no answer ever comes
    drop      never carried out, and no answer ever comes
    cut       carried out, then the connection breaks: `Unavailable(applied=None)`
    slow      seconds more than usual until it is carried out and answered
    late      carried out as usual, and answered so many seconds later
    raises    the adapter itself breaks
    """

    outcome: Outcome | None = None
    lose: bool = False
    drop: bool = False
    cut: bool = False
    after: float = 0.0
    slow: float = 0.0
    late: float = 0.0
    raises: bool = False


@dataclass
class Message:
    ref: Ref
    key: str
    text: str
    controls: tuple[Control, ...]
    thread: str
    deleted: bool = False


FaultFunction = Callable[[Op, str, int], Fault | None]


@dataclass
class FakePlatform:
    """See the module. `edit_rule` is what the bot is told; `edit_limit` what is true (default: the same)."""

    edit_rule: Rule = SLACK
    post_rule: Rule = SLACK_POST
    edit_limit: Limit | None = None
    post_limit: Limit | None = None
    headers: bool = False
    call: float = 0.1
    page_limit: int = 4000
    fault: FaultFunction | None = None
    # filled while it runs
    seen: list[Seen] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    refusals: list[tuple[float, Op]] = field(default_factory=list)
    calls: list[tuple[float, Op]] = field(default_factory=list)
    under_way: dict[str, int] = field(default_factory=dict)
    overtaken: int = 0
    finds: int = 0
    statuses: list[str] = field(default_factory=list)
    uploads: list[tuple[Place, File, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.meter: Meter | None = None
        self._echoes: set[asyncio.Task[None]] = set()
        self._gates = {
            "edit": Gate(self.edit_limit or limit_of(self.edit_rule)),
            "post": Gate(self.post_limit or limit_of(self.post_rule)),
        }
        self._counts = {"edit": 0, "post": 0}

    # ------------------------------------------------------------------------------------------ what was seen

    def text(self, *refs: Ref) -> str:
        """What these messages show now, joined."""
        return "".join(self.messages[ref.message].text for ref in refs)

    def frames(self, ref: Ref) -> list[Seen]:
        return [seen for seen in self.seen if seen.message == ref.message]

    def visible(self) -> list[Message]:
        return [message for message in self.messages.values() if not message.deleted]

    # ------------------------------------------------------------------------------------------ Platform

    @property
    def profile(self) -> Profile:
        # The outbox asks nothing of a dialect.
        return Profile("fake", self.page_limit, cast("Dialect", None), 60.0)

    async def connect(self, meter: Meter) -> None:
        self.meter = meter

    async def close(self) -> None:
        for echo in self._echoes:
            echo.cancel()
        await asyncio.gather(*self._echoes, return_exceptions=True)

    async def events(self) -> AsyncIterator[Event]:
        return
        yield

    def bucket(self, op: Op) -> Bucket:
        return Bucket(f"T1:{op}", self.edit_rule if op == "edit" else self.post_rule)

    def buckets(self, op: Op, place: Place, ref: Ref | None, *, age: float = 0.0) -> Sequence[Bucket]:
        return (self.bucket(op),)

    async def post(self, place: Place, content: Content, *, key: str) -> Outcome:
        assert len(key) <= 25
        return await self._call("post", f"post {key}", lambda: self._do_post(place, content, key))

    async def edit(self, place: Place, ref: Ref, content: Content) -> Outcome:
        return await self._call("edit", ref.message, lambda: self._do_edit(ref, content))

    async def find(self, place: Place, key: str) -> Ref | Unavailable | None:
        self.finds += 1
        await asyncio.sleep(self.call)
        for message in self.visible():
            if message.key == key:
                return message.ref
        return None

    async def status(self, place: Place, text: str) -> None:
        self.statuses.append(text)

    async def name(self, person: Person) -> str:
        return ""

    async def standing(self, place: Place, person: Person) -> Standing:
        return Standing()

    async def whisper(self, place: Place, person: Person, text: str, buttons: Sequence[Button] = ()) -> bool:
        return False

    async def open(self, place: Place, person: Person, panel: Panel) -> bool:
        return False

    async def delete(self, place: Place, ref: Ref) -> Outcome:
        await asyncio.sleep(self.call)
        message = self.messages.get(ref.message)
        if message is None or message.deleted:
            return Gone("message_not_found")
        self.messages[ref.message] = replace(message, deleted=True)
        return Sent(ref)

    async def upload(self, place: Place, file: File, text: str) -> Outcome:
        await asyncio.sleep(self.call)
        self.uploads.append((place, file, text))
        return Sent(Ref(place.channel, f"file {len(self.uploads)}"))

    async def download(self, attachment: Attachment, *, limit: int) -> File | Unread:
        return Unread("gone")

    async def history(self, incoming: Incoming, *, limit: int) -> Sequence[Line]:
        return ()

    async def branch(self, place: Place, message: Ref, name: str) -> Place | None:
        return None

    def health(self) -> Health:
        return Health(ready=True)

    # ------------------------------------------------------------------------------------------ one call

    async def _call(self, op: Op, target: str, do: Callable[[], Outcome]) -> Outcome:
        loop = asyncio.get_running_loop()
        number = self._counts[op]
        self._counts[op] += 1
        fault = (self.fault(op, target, number) if self.fault else None) or Fault()
        self.under_way[target] = self.under_way.get(target, 0) + 1
        self.overtaken += self.under_way[target] > 1
        try:
            if fault.raises:
                raise RuntimeError("the adapter is broken")
            await asyncio.sleep(self.call / 2)
            if fault.outcome is not None:
                return fault.outcome
            if fault.drop:
                await asyncio.sleep(3600)
            if fault.lose:
                echo = asyncio.create_task(self._echo(fault.after, op, do))
                self._echoes.add(echo)
                await asyncio.sleep(3600)
            await asyncio.sleep(fault.slow)
            verdict = self._gates[op].take(loop.time())
            if self.meter is not None and self.headers:
                self.meter.told(
                    self.bucket(op),
                    limit=self._gates[op].limit.burst,
                    remaining=verdict.remaining if verdict.allowed else 0,
                    reset_after=verdict.reset_after,
                )
            if not verdict.allowed:
                self.refusals.append((loop.time(), op))
                await asyncio.sleep(self.call / 2)
                wait = verdict.retry_after
                return Refused(wait if self.headers else float(max(1, math.ceil(wait))), self.bucket(op).key)
            self.calls.append((loop.time(), op))
            outcome = do()
            await asyncio.sleep(self.call / 2 + fault.late)
            return Unavailable("reset", applied=None) if fault.cut else outcome
        finally:
            self.under_way[target] -= 1

    async def _echo(self, after: float, op: Op, do: Callable[[], Outcome]) -> None:
        await asyncio.sleep(after)
        if self._gates[op].take(asyncio.get_running_loop().time()).allowed:
            do()

    def _do_post(self, place: Place, content: Content, key: str) -> Outcome:
        number = f"{len(self.messages) + 1}"
        ref = Ref(place.channel, number)
        self.messages[number] = Message(ref, key, content.text, content.controls, place.thread)
        self._saw(number, "post")
        return Sent(ref)

    def _do_edit(self, ref: Ref, content: Content) -> Outcome:
        message = self.messages.get(ref.message)
        if message is None or message.deleted:
            return Gone("message_not_found")
        self.messages[ref.message] = replace(message, text=content.text, controls=content.controls)
        self._saw(ref.message, "edit")
        return Sent(ref)

    def _saw(self, number: str, verb: Literal["post", "edit"]) -> None:
        message = self.messages[number]
        now = asyncio.get_running_loop().time()
        self.seen.append(Seen(now, number, message.text, message.controls, verb, message.thread))


def limit_of(
    rule: Rule, *, scale: float = 1.0, shape: Shape | None = None, burst: int | None = None
) -> Limit:
    """The limit that this rule describes, or one that is smaller or of another shape."""
    natural: Shape = "bucket" if rule.shape == "bucket" else "fixed"
    return Limit(
        "calls", rule.rate * scale, burst or rule.burst, shape or natural, rule.certainty, rule.source
    )


async def type_out(
    document: FakeDocument, view: object, text: str, *, speed: float = 100.0, step: float = 0.1
) -> None:
    """Claude says `text` at `speed` characters a second."""
    size = max(1, round(speed * step))
    for start in range(0, len(text), size):
        document.feed(text[start : start + size])
        view.grew()  # type: ignore[attr-defined]  # a View; typed loosely so that this file imports little
        await asyncio.sleep(step)


class Running:
    """An outbox that runs while the `async with` lasts."""

    def __init__(self, platform: FakePlatform, *, timeout: float = 20.0) -> None:
        self.platform = platform
        self._timeout = timeout

    async def __aenter__(self) -> Outbox:
        self.outbox = Outbox(self.platform, timeout=self._timeout)
        await self.platform.connect(self.outbox)
        self._task = asyncio.create_task(self.outbox.run())
        return self.outbox

    async def __aexit__(self, *exc: object) -> None:
        ended = self._task.done()
        self._task.cancel()
        result = (await asyncio.gather(self._task, return_exceptions=True))[0]
        await self.platform.close()
        assert not ended, f"the outbox ended by itself: {result!r}"
