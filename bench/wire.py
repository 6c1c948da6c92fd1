"""The same loads in real time: the real adapters and clients against the sandbox, judged by its record.

`python -m bench wire` takes minutes, for nothing is scaled: what is waited for is what a viewer would wait for. Each
case is a process of its own (discord.py is pointed at a server process-wide). The text is numbered words, so that the
record alone says which of them a viewer has read without a gap, and none can be lost, doubled or out of order unseen.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

from adapters.discord.platform import DiscordPlatform
from adapters.slack.platform import SlackPlatform
from bench import bounds
from bench.loads import Load, Speech, main_loads
from bench.pacing import Row, picture, row
from bench.simulation import DISCORD, SETTINGS, SLACK, Setting, World
from bot.ports import Incoming, Place, Platform, Ref
from bot.reply.outbox import Outbox, View
from bot.reply.pages import Document
from sandbox.clock import Clock
from sandbox.discord.server import DiscordServer
from sandbox.limits import Limits
from sandbox.record import Record
from sandbox.slack.server import SlackServer

MAIN = (
    "1-at-once-mixed",
    "5-at-once-mixed",
    "10-at-once-mixed",
    "20-at-once-mixed",
    "10-at-once-equal",
    "10-staggered-one-fast",
)
_WORD = 8  # characters of a numbered word with what stands after it
_NUMBER = re.compile(r"w(\d{6})")
_PARAGRAPH = 60  # words
_CALL = 0.02  # seconds that a call takes here
_WITHIN = 300.0


def text_of(length: int) -> str:
    """Numbered words in paragraphs, `length` characters in all (to the last whole word)."""
    words = [f"w{number:06}" for number in range(1, length // _WORD + 1)]
    ends = {True: "\n", False: " "}
    return "".join(f"{word}{ends[number % _PARAGRAPH == 0]}" for number, word in enumerate(words, 1))


async def _case(setting: Setting, load: Load) -> Row:
    clock = Clock()
    limits, record = Limits(), Record(clock)
    slack = setting is SLACK
    server = SlackServer(clock, limits, record) if slack else DiscordServer(clock, limits, record)
    await server.start()
    platform: Platform = (
        SlackPlatform(bot_token=server.bot_token, app_token=server.app_token, api_url=server.api_url)
        if isinstance(server, SlackServer)
        else DiscordPlatform(token=server.bot_token, api_url=server.api_url)
    )
    outbox = Outbox(platform)
    driver = asyncio.create_task(outbox.run())
    try:
        await platform.connect(outbox)
        if isinstance(server, SlackServer):
            await record.wait(lambda _: server.connections >= 1)
        places = await _places(server, platform, load.replies)
        begun = clock.now()
        async with asyncio.timeout(_WITHIN):
            views = await asyncio.gather(
                *(
                    _reply(outbox, platform, place, f"r{number}", speech, clock, begun)
                    for number, (place, speech) in enumerate(zip(places, load.speeches, strict=True))
                )
            )
    finally:
        driver.cancel()
        await asyncio.gather(driver, return_exceptions=True)
        await platform.close()
        await server.stop()
    return _judge(setting, load, record, [view for view, _ in views], [said for _, said in views])


async def _places(server: SlackServer | DiscordServer, platform: Platform, count: int) -> list[Place]:
    """Where the answers to so many mentions in one channel go."""
    person = next(each["id"] for each in server.people() if not each["bot"])
    channel = next(each["id"] for each in server.channels() if each["kind"] == "channel")
    events = platform.events()
    places: list[Place] = []
    for number in range(count):
        await server.say(person, channel, f"{server.mention} question {number}")
    async with asyncio.timeout(60):
        async for event in events:
            if isinstance(event, Incoming):
                places.append(event.place)
            if len(places) == count:
                return places
    raise RuntimeError("the platform stopped telling of mentions")


async def _reply(
    outbox: Outbox,
    platform: Platform,
    place: Place,
    name: str,
    speech: Speech,
    clock: Clock,
    begun: float,
) -> tuple[View, list[tuple[float, int]]]:
    """Say the text at the load's pace; (when, whole words' characters said by then), and the view once whole."""
    profile = platform.profile
    document = Document(profile.dialect, profile.page_limit)
    view = outbox.open(place, name, document)
    text = text_of(speech.length)
    said: list[tuple[float, int]] = []
    done = 0
    for when, by in speech.fragments:
        await asyncio.sleep(max(0.0, begun + when - clock.now()))
        upto = min(by, len(text))
        document.feed(text[done:upto])
        done = upto
        said.append((clock.now(), upto // _WORD * _WORD))
        view.grew()
    document.end()
    view.finish()
    settled = await view.settled()
    if settled.kind != "shown":
        raise RuntimeError(f"{name} ended as {settled}")
    return view, said


def _judge(
    setting: Setting,
    load: Load,
    record: Record,
    views: Sequence[View],
    said: Sequence[list[tuple[float, int]]],
) -> Row:
    """What the record says that viewers saw."""
    where = {ref: (number, page) for number, view in enumerate(views) for page, ref in enumerate(view.refs)}
    texts: list[list[list[int]]] = [[[] for _ in view.refs] for view in views]
    seen: list[tuple[float, int, int, int]] = []
    edits = 0
    for entry in record.entries("shown", setting.name):
        found = where.get(Ref(entry["channel"], entry["message"]))
        if found is None:
            continue
        edits += entry["verb"] == "edit"
        number, page = found
        texts[number][page] = [int(word) for word in _NUMBER.findall(entry["text"])]
        read = 0
        for word in (word for words in texts[number] for word in words):
            # For a moment the next page may repeat what is about to be trimmed from the one in front of it.
            if word > read + 1:
                break
            read = max(read, word)
        seen.append((entry.at, number, sum(map(bool, texts[number])), read * _WORD))
    speeches = tuple(Speech(tuple(each)) for each in said)
    heard = Load(load.name, speeches, load.at_once, load.steady)
    world = World(setting, heard, pages=True)
    cuts = [tuple(max(words, default=0) * _WORD for words in pages) for pages in texts]
    world.replay(seen, cuts)
    world.edits = edits
    world.refusals = [(entry.at, "edit") for entry in record.entries("refused", setting.name)]
    for number, pages in enumerate(texts):
        words = [word for page in pages for word in page]
        if words != list(range(1, len(words) + 1)):
            world.wrong.append(f"reply {number}: words doubled or out of order")
    paged = any(len(view.refs) > 1 for view in views)
    found_row = row(setting, heard, "ours", world, pages=paged, clairvoyant=None)
    if paged:
        return found_row
    fluid = round(bounds.fluid(setting, heard, call=_CALL), 3)
    ratio = round(found_row.mean_lag / fluid, 3)
    return Row(**{**asdict(found_row), "bound": fluid, "ratio": ratio, "fluid": fluid, "fluid_ratio": ratio})


def _run(job: tuple[str, str]) -> Row:
    name, load = job
    setting = {each.name: each for each in SETTINGS}[name]
    return asyncio.run(_case(setting, {each.name: each for each in main_loads()}[load]))


def report(*, as_json: bool = False, plot: str | None = None) -> None:
    """All cases, some at a time; prints them."""
    jobs = [(setting.name, load) for load in MAIN for setting in (SLACK, DISCORD)]
    with ProcessPoolExecutor(min(4, 2 * (os.cpu_count() or 1))) as pool:
        found = list(pool.map(_run, jobs))
    if plot is not None:
        Path(plot).write_text(picture(found))
    if as_json:
        print(json.dumps({"bench": "wire", "cases": [asdict(each) for each in found]}))
        return
    print(
        f"{'platform':9}{'load':26}{'pages':6}{'mean':>7}{'p95':>7}{'first95':>8}{'last50':>8}{'last95':>8}{'429s':>6}"
        f"{'edits':>7}{'lost':>6}{'ratio':>7}"
    )
    for each in found:
        ratio = "" if each.ratio is None else f"{each.ratio:.3f}"
        print(
            f"{each.platform:9}{each.load:26}{'yes' if each.pages else 'no':6}{each.mean_lag:7.2f}{each.p95_lag:7.2f}"
            f"{each.first_text_p95:8.2f}{each.last_edit_p50:8.2f}{each.last_edit_p95:8.2f}{each.refusals:6}"
            f"{each.edits:7}{each.characters_lost + each.characters_wrong:6}{ratio:>7}"
        )
