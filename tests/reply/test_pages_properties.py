"""What holds for every page of every text, at every prefix, on both platforms.

The judge is not ours: the sandbox's page renders each frame as the platform's client does. `make test` takes a seeded
sample; `make properties` every prefix of everything, and prints how many frames it looked at.
"""

from __future__ import annotations

import gc
import os
import random
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import pytest

from bot.reply.pages import Document, Page
from tests.reply.documents import (
    SHARED,
    answers,
    invented,
    mutated,
    pathological,
    readmes,
    scripts,
    specification,
)
from tests.reply.judge import PLATFORMS, Platform, Seen, growing, joined, whole

EACH = pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
SEED = 20261123
# `make properties` takes all of every text, unless it is told how many texts of a kind, and how much of each.
TEXTS = int(os.environ.get("TEXTS", "1000000"))
LENGTH = int(os.environ.get("LENGTH", "4000"))
SLOW = 0.05  # seconds of one frame: more would hold up every other reply of the process
SLOW_ONCE = (1193, 1345, 1381, 1633, 2145, 2533, 2733, 2781, 3393, 3629, 3925, 3933, 3969, 4833, 5889)
EXTREMES = [text for _, text in pathological()]
_TABLE = re.compile(r"^[ >]*\|?[ ]*:?-+:?[ ]*\|", re.MULTILINE)
_BLOCKS = re.compile(r"\n")
_HTML = re.compile(r"<[A-Za-z/!?]")


def steady(seen: Seen) -> Seen:
    """Without the lines under a table's header, which grow as its columns do."""
    kept = [(char, look) for char, look in zip(seen.text, seen.looks, strict=True) if char != "─"]
    return Seen("".join(char for char, _ in kept), tuple(look for _, look in kept))


def check_pages(platform: Platform, text: str, limit: int, size: int) -> int:
    """Limits, spans, frozen pages, mentions: whatever the text is. Returns how many frames were looked at."""
    closed: list[Page] = []
    frames = 0
    pages: tuple[Page, ...] = ()
    for fed, pages in growing(platform, text, limit, size):
        frames += 1
        where = f"{platform.name}, limit {limit}, after {text[max(0, fed - 80) : fed]!r}"
        assert list(pages[: len(closed)]) == closed, f"a closed page changed: {where}"
        closed = [page for page in pages if page.closed]
        for page in pages[len(closed) - 1 :] if closed else pages:
            assert page.text.strip(), f"an empty page: {where}"
            assert platform.dialect.cost(page.text) <= limit, f"a page over the limit: {where}"
            assert not platform.live.search(page.text), f"a live mention: {where}"
        assert all(one.end == two.start for one, two in pairwise(pages)), f"spans do not tile: {where}"
    document = Document(platform.dialect, limit)
    document.feed(text)
    document.end()
    assert tuple(document.pages()) == pages, f"the fragments' size matters: {platform.name}, limit {limit}"
    if pages:
        assert (pages[0].start, pages[-1].end) == (0, document.length)
    return frames


def check_frames(platform: Platform, text: str, prefixes: Iterable[int], limit: int) -> int:
    """Every frame is the beginning of what the finished answer shows, in its text and in its looks."""
    final = steady(joined(platform, whole(platform, text, 1_000_000)))
    frames = fed = 0
    document = Document(platform.dialect, limit)
    for prefix in sorted(prefixes):
        document.feed(text[fed:prefix])
        fed = prefix
        pages = document.pages()
        if not pages:
            continue
        frames += 1
        now = steady(joined(platform, pages))
        if not now.begins(final):
            at = next((n for n, (a, b) in enumerate(zip(now.text, final.text, strict=False)) if a != b), -1)
            pytest.fail(
                f"{platform.name}, limit {limit}: after {text[:prefix]!r}\nthe frame shows {pages[-1].text!r}\n"
                f"which is not how the end begins (at {at}: {now.text[at - 20 : at + 20]!r}, {final.text[at - 20 : at + 20]!r})"
            )
    return frames


def near_blocks(text: str) -> list[int]:
    """The prefixes that end at a line's end, plus and minus three characters."""
    ends = {found.start() + by for found in _BLOCKS.finditer(text) for by in range(-3, 4)}
    return sorted(end for end in ends if 0 < end <= len(text))


def frames_can_be_compared(platform: Platform, text: str) -> bool:
    """Where Discord's pages lay a table out anew with each row, or HTML is put into words, frames are not beginnings."""
    return platform.name == "slack" or not (_TABLE.search(text) or _HTML.search(text))


@EACH
def test_every_script_of_the_sandbox_in_small_fragments(platform: Platform) -> None:
    """The answers that everybody tries first."""
    frames = 0
    for text in scripts().values():
        frames += check_pages(platform, text, platform.limit, 40)
        frames += check_pages(platform, text, 300, 97)
    assert frames > 500


@EACH
def test_frames_of_the_scripts_are_beginnings(platform: Platform) -> None:
    """Around every line's end, on one page and on small ones."""
    chance = random.Random(SEED)
    frames = 0
    for text in (text[:6000] for text in scripts().values()):
        if not frames_can_be_compared(platform, text) or _TABLE.search(text):
            continue
        prefixes = near_blocks(text)
        frames += check_frames(platform, text, chance.sample(prefixes, min(60, len(prefixes))), 1_000_000)
    assert frames > 100


@EACH
def test_pages_of_invented_texts(platform: Platform) -> None:
    """Nothing that anybody could write breaks a page."""
    for seed in range(16):
        chance = random.Random(seed)
        check_pages(
            platform,
            invented(seed, chance.choice([8, 40, 120])),
            chance.choice([40, 200, 2000]),
            chance.choice([1, 7]),
        )


@EACH
def test_pages_of_mutated_scripts(platform: Platform) -> None:
    """Nor does a text that is nearly right."""
    texts = list(scripts().values())
    for seed in range(12):
        chance = random.Random(seed)
        check_pages(platform, mutated(chance.choice(texts)[:1500], seed), chance.choice([60, 400, 2000]), 29)


@EACH
def test_pathological_texts_are_paged_in_reasonable_time(platform: Platform) -> None:
    """No run of openers, however long, takes the square of its length."""
    for _, text in pathological():
        check_pages(platform, text[:3000], platform.limit, 600)


@EACH
def test_pages_of_long_answers(platform: Platform) -> None:
    """What models wrote."""
    texts = list(answers().values())
    if not texts:
        pytest.skip(f"no {SHARED.name} folder beside the repository: there are no long answers to try")
    for text in random.Random(SEED).sample(texts, 30):
        check_pages(platform, text, 500, 211)


@pytest.mark.properties
@EACH
def test_every_prefix_of_the_specification(platform: Platform) -> None:
    """All examples of CommonMark and of GitHub's flavour, judged by the platform's own reading of them."""
    texts = set(specification().values())
    if not texts:
        pytest.skip(
            "the specifications' examples are not here: `make properties` fetches the package that has them"
        )
    frames = compared = 0
    for text in texts:
        frames += check_pages(platform, text, platform.limit, 1) + check_pages(platform, text, 40, 1)
        if frames_can_be_compared(platform, text):
            compared += check_frames(platform, text, range(1, len(text) + 1), 1_000_000)
    told(platform, f"{frames} frames of {len(texts)} examples, {compared} compared with their ends")


@pytest.mark.properties
@EACH
@pytest.mark.parametrize("source", ["scripts", "answers", "readmes"])
def test_every_prefix_of_real_texts(platform: Platform, source: str) -> None:
    """Scripts, answers and READMEs: every prefix as pages, and on small pages as beginnings of the end."""
    texts = [*{"scripts": scripts, "answers": answers, "readmes": readmes}[source]().values()]
    if not texts:
        pytest.skip(f"there are no {source} here")
    chance = random.Random(SEED)
    if len(texts) > TEXTS:
        texts = chance.sample(texts, TEXTS)
    frames = compared = 0
    for text in texts:
        cut = text[:LENGTH]
        frames += check_pages(platform, cut, chance.choice([250, 700, platform.limit]), 3)
        if not _TABLE.search(cut) and frames_can_be_compared(platform, cut) and source != "readmes":
            compared += check_frames(platform, cut, range(1, len(cut), 5), 1_000_000)
            compared += check_frames(platform, cut, range(1, len(cut), 37), 350)
    told(platform, f"{frames} frames of {len(texts)} {source}, {compared} compared with their ends")


def slowest_frame(platform: Platform, text: str, limit: int, size: int) -> float:
    """Seconds of this thread's time that the slowest frame takes; the text must page without an exception."""
    document = Document(platform.dialect, limit)
    slowest = 0.0
    for at in range(0, len(text) + size, size):
        if at < len(text):
            document.feed(text[at : at + size])
        else:
            document.end()
        before = time.thread_time()
        document.pages()
        slowest = max(slowest, time.thread_time() - before)
    return slowest


def fuzz_text(seed: int, texts: Sequence[str]) -> tuple[random.Random, str, int]:
    """What a seed stands for: chance as it goes on, the text, and how much of it comes at once."""
    chance = random.Random(seed)
    kind = seed % 4
    if kind == 0:
        text = invented(seed, chance.choice([8, 30, 150, 1000]))
    elif kind == 1:
        text = mutated(chance.choice(EXTREMES)[: chance.randint(200, 12_000)], seed)
    else:
        text = mutated(chance.choice(texts)[: chance.randint(200, 12_000)], seed)
    return chance, text, chance.choice([40, 200, 600])


def best_of_five(platform: Platform, text: str, size: int) -> float:
    """A machine that does other work may be slow once; a text is slow each time."""
    taken = slowest_frame(platform, text, platform.limit, size)
    for _ in range(4):
        if taken > SLOW:
            taken = min(taken, slowest_frame(platform, text, platform.limit, size))
    return taken


def fuzzed(seconds: float, first: int) -> tuple[int, dict[Platform, list[float]]]:
    """Random, mutated and pathological Markdown for so long: (texts, each one's slowest frame)."""
    texts = [*scripts().values(), *list(answers().values())[:60]]
    times: dict[Platform, list[float]] = {platform: [] for platform in PLATFORMS}
    seed, end = first, time.monotonic() + seconds
    while time.monotonic() < end:
        seed += 1
        chance, text, size = fuzz_text(seed, texts)
        for platform in PLATFORMS:
            # Many cuts in a frame are not timed.
            slowest_frame(platform, text[:2000], chance.choice([40, 150, 600]), size)
            taken = best_of_five(platform, text, size)
            times[platform].append(taken)
            assert taken <= SLOW, f"seed {seed}, {platform.name}, {size} at once: {taken:.3f} s"
    return seed - first, times


@pytest.fixture
def small_heap() -> Iterator[None]:
    """What other tests left behind is nothing that the collector should go over within a frame that is timed."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.timed
@pytest.mark.usefixtures("small_heap")
def test_a_short_fuzz() -> None:
    """No exception, and no frame that a reader would wait for."""
    texts, times = fuzzed(4.0, 0)
    assert texts > 0
    assert all(len(taken) == texts for taken in times.values())


@EACH
@pytest.mark.timed
@pytest.mark.usefixtures("small_heap")
@pytest.mark.parametrize("seed", SLOW_ONCE)
def test_what_was_slow_once_is_so_no_more(platform: Platform, seed: int) -> None:
    """Texts for which a frame once took 50 ms or more; all of the pathological kind."""
    assert seed % 4 == 1
    _, text, size = fuzz_text(seed, ())
    assert best_of_five(platform, text, size) <= SLOW


@pytest.mark.properties
@pytest.mark.usefixtures("small_heap")
def test_fuzz() -> None:
    """The same for SECONDS_OF_FUZZ."""
    texts, times = fuzzed(float(os.environ.get("SECONDS_OF_FUZZ", "600")), 1_000)
    for platform, slowest in times.items():
        ranked = sorted(slowest)
        told(
            platform,
            f"{texts} texts fuzzed; slowest frame of a text: median {ranked[len(ranked) // 2] * 1e3:.1f} ms, "
            f"99 of 100 under {ranked[len(ranked) * 99 // 100] * 1e3:.1f} ms, all under {ranked[-1] * 1e3:.1f} ms",
        )


def told(platform: Platform, what: str) -> None:
    print(f"\n{platform.name}: {what}")  # noqa: T201 (it is what the run is for)
