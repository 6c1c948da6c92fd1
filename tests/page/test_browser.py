"""The page in a real browser: typed into, read, walked with the keyboard, cut off and brought back."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from sandbox.world import World
from tests.page.stage import ARGUMENTS, chromium, general, staged

EXECUTABLE = chromium()
pytestmark = [
    pytest.mark.skipif(
        EXECUTABLE is None and os.environ.get("CI") != "true",
        reason="no Chromium on PATH (Debian: apt install chromium)",
    ),
    # One browser for all of them, in one loop: starting it takes longer than most of the tests.
    pytest.mark.asyncio(loop_scope="module"),
]

# What is awaited comes within two seconds; on a machine whose cores are taken it once took five, which is the default.
expect.set_options(timeout=20_000)

# What a screenshot has to differ by to be a picture of something: an empty page of this size is far smaller.
PICTURE = 20_000
# WCAG 2.2, success criterion 1.4.3: text of ordinary size.
AA = 4.5

# The contrast of every text that stands in the page against what is behind it, by WCAG's formula, the lowest first.
CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3]));
  const behind = (element) => {
    if (!element) return rgba(getComputedStyle(document.body).backgroundColor).slice(0, 3);
    const own = rgba(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, behind(element.parentElement));
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const seen = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility({ opacityProperty: true })) continue;
    if (element.closest(".unseen, noscript, option, .spoiler, .avatar")) continue;
    const under = behind(element);
    const top = over(rgba(getComputedStyle(element).color), under);
    const [a, b] = [light(top), light(under)].sort((x, y) => y - x);
    seen.push([(a + 0.05) / (b + 0.05), `${element.className || element.tagName}: ${walker.currentNode.data.trim().slice(0, 30)}`]);
  }
  return seen.sort(([a], [b]) => a - b);
}"""


@dataclass
class Desk:
    """A browser's window at the page of a world; what went wrong in the console is in `complaints`."""

    world: World
    window: BrowserContext
    session: aiohttp.ClientSession
    complaints: list[str]

    async def open(self, width: int = 1280, height: int = 800, scheme: Any = "light") -> Page:
        page = await self.window.new_page()
        await page.set_viewport_size({"width": width, "height": height})
        await page.emulate_media(color_scheme=scheme)
        page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._watch)
        await page.goto(self.world.url)
        await page.wait_for_selector("body[data-ready]")
        return page

    def _watch(self, request: Any) -> None:
        if not request.url.startswith((self.world.url, "data:")):
            self.complaints.append(f"a request to {request.url}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def window(browser: Browser) -> AsyncIterator[BrowserContext]:
    """One for all tests: to draw its frame costs more than to load the page. An empty page keeps it open between them."""
    context = await browser.new_context(reduced_motion="reduce")
    await context.new_page()
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(window: BrowserContext) -> AsyncIterator[Desk]:
    async with staged() as world, aiohttp.ClientSession() as session:
        world.clock.rescale(4.0)
        world.claude.speed = 400
        desk = Desk(world, window, session, [])
        yield desk
        for page in window.pages[1:]:
            # All that it keeps: another world may get this one's port.
            await page.evaluate("localStorage.clear()")
            await page.close()
        assert desk.complaints == []


def prose(world: World) -> str:
    """The last words of the answer that is asked for below."""
    said = next(one.said for one in world.claude.requests if "#chars:700" in one.question)
    return said[-30:].strip()


async def test_a_question_is_typed_and_its_answer_grows_in_both_chats(desk: Desk, tmp_path: Path) -> None:
    """What a newcomer does first: type, see the answer grow, see it whole."""
    page = await desk.open()
    for name in ("slack", "discord"):
        chat = page.locator(f"#{name}")
        box = chat.get_by_role("textbox", name="Message #general")
        await box.press_sequentially("@cl")
        await expect(chat.get_by_role("option", name="@claude")).to_be_visible()
        await box.press("Enter")
        await box.press_sequentially("tell me #chars:700")
        await box.press("Shift+Enter")
        await box.press_sequentially("please")
        await box.press("Enter")
        question = chat.get_by_role("article").filter(has_text="tell me").first
        await expect(question.locator(".mention")).to_have_text("@claude")
        answer = chat.get_by_role("article", name="claude")
        await expect(answer.locator(".body")).to_contain_text(re.sub(r"\s+", " ", prose(desk.world)))
        await expect(answer.locator(".strip .caption")).to_have_text(
            re.compile(r"^[1-9]\d* edits? · 700 characters")
        )
        await expect(answer.get_by_role("button", name="Stop")).to_be_hidden()
    await expect(page.locator("#gauges .summary")).to_contain_text("all quiet")
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        assert len(await page.screenshot(path=tmp_path / f"{scheme}.png")) > PICTURE


async def test_an_answer_opens_its_thread_and_the_thread_is_gone_with_escape(desk: Desk) -> None:
    """Slack answers in a thread; with the keyboard alone one goes there and back."""
    page = await desk.open()
    slack = page.locator("#slack")
    await page.get_by_role("button", name="A table").click()
    await expect(slack.get_by_role("region", name="Thread").get_by_role("table").first).to_be_visible()
    await slack.get_by_role("textbox", name="Reply in the thread").press("Escape")
    await expect(slack.get_by_role("region", name="Thread", exact=True)).to_be_hidden()
    await expect(slack.get_by_role("article").first).to_be_focused()
    await slack.locator(".thread-line").focus()
    await page.keyboard.press("Enter")
    await expect(slack.get_by_role("textbox", name="Reply in the thread")).to_be_focused()


async def test_what_is_asked_in_the_channel_was_hidden_behind_a_thread(desk: Desk) -> None:
    """Ten people at once, or an example: the thread that was open makes room."""
    page = await desk.open()
    slack = page.locator("#slack")
    thread = slack.get_by_role("region", name="Thread", exact=True)
    root = await desk.world.slack.say("U0GRACE", general(desk.world, "slack"), "an old question")
    await desk.world.slack.say("U0ADA", general(desk.world, "slack"), "an old answer", thread=root)
    for ask in ("in Slack", "A table"):
        await slack.locator(".thread-line").first.click()
        await expect(thread.get_by_text("an old answer")).to_be_visible()
        await page.get_by_role("button", name=ask, exact=True).click()
        await expect(slack.get_by_text("an old answer")).to_be_hidden()


async def test_everything_is_reached_by_the_tab_key(desk: Desk) -> None:
    """Examples, channels, messages, composers, the panel: in the order in which they stand, and with a ring."""
    await desk.world.slack.say("U0ADA", "C0GENERAL", "hello")
    page = await desk.open()
    reached: list[str] = []
    while True:
        await page.keyboard.press("Tab")
        if await page.evaluate("() => document.activeElement === document.body"):
            break  # once round
        reached.append(
            await page.evaluate(
                "() => { const e = document.activeElement;"
                "const ring = getComputedStyle(e).outlineStyle !== 'none' || e.matches('textarea');"
                "return (e.getAttribute('aria-label') || e.textContent || e.tagName).trim() + (ring ? '' : ' (no ring)') }"
            )
        )
    order = [
        "A table",
        "Use the dark theme",
        "#general",
        "Messages in general",
        "Message #general",
        "Send",
    ]
    places = [reached.index(name) for name in order]
    assert places == sorted(places)
    assert any(name.startswith("Behind the scenes") for name in reached)
    assert not [name for name in reached if name.endswith("(no ring)")]


async def test_a_message_can_be_replied_to_changed_and_deleted_with_the_keyboard(desk: Desk) -> None:
    """The buttons of a message are there for the one that has the focus."""
    page = await desk.open()
    discord = page.locator("#discord")
    box = discord.get_by_role("textbox", name="Message #general")
    await box.fill("first")
    await box.press("Enter")
    first = discord.get_by_role("article").filter(has_text="first")
    await expect(first).to_be_visible()
    await discord.get_by_role("log").focus()
    await page.keyboard.press("ArrowUp")
    await expect(first).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(discord.get_by_text("Replying to Ada")).to_be_visible()
    await expect(box).to_be_focused()
    await box.fill("second")
    await box.press("Enter")
    second = discord.get_by_role("article").filter(has_text="second")
    await expect(second.get_by_role("button", name="In reply to Ada: first")).to_be_visible()
    await second.hover()
    await second.get_by_role("button", name="Edit: message by Ada").click()
    await expect(box).to_have_value("second")
    await box.fill("third")
    await box.press("Enter")
    third = discord.get_by_role("article").filter(has_text="third")
    await expect(third).to_contain_text("(edited)")
    await third.hover()
    await third.get_by_role("button", name="Delete: message by Ada").click()
    await expect(third).to_have_count(0)


async def test_only_the_one_who_was_told_sees_an_ephemeral_message(desk: Desk) -> None:
    """A command that nobody answers: Slackbot says so to the one who typed it."""
    page = await desk.open()
    slack = page.locator("#slack")
    box = slack.get_by_role("textbox", name="Message #general")
    await box.press_sequentially("/a")
    await expect(slack.get_by_role("option", name="/ask")).to_be_visible()
    await box.press("Tab")
    await expect(box).to_have_value("/ask ")
    await box.press_sequentially("anything")
    await box.press("Enter")
    await expect(slack.get_by_text("Only visible to you")).to_be_visible()
    await slack.get_by_label("Speaking as").select_option("Grace")
    await expect(slack.get_by_text("Only visible to you")).to_be_hidden()


async def test_a_reader_keeps_the_place_while_an_answer_grows(desk: Desk) -> None:
    """Only who stands at the end is taken along."""
    discord, channel = desk.world.discord, general(desk.world, "discord")
    ada = next(str(one["id"]) for one in discord.people() if one["name"] == "Ada")
    for number in range(40):
        await discord.say(ada, channel, f"line {number}")
    page = await desk.open()
    log = page.locator("#discord").get_by_role("log")
    place = "(list) => [list.scrollTop, list.scrollHeight - list.scrollTop - list.clientHeight]"
    assert (await log.evaluate(place))[1] < 2
    last = await discord.say(ada, channel, "the end")
    await expect(log.get_by_text("the end")).to_be_in_viewport()
    await log.evaluate("(list) => { list.scrollTop = 100 }")
    await expect(page.get_by_role("button", name="Latest")).to_be_visible()
    await discord.change(ada, channel, last, "more\n" * 30 + "and over")
    await expect(log.get_by_text("and over")).to_be_attached()
    assert (await log.evaluate(place))[0] == 100
    await page.get_by_role("button", name="Latest").click()
    await expect(log.get_by_text("and over")).to_be_in_viewport()


async def test_what_is_selected_and_focused_survives_an_edit(desk: Desk) -> None:
    """An edit touches what it changes, and nothing else."""
    discord, channel = desk.world.discord, general(desk.world, "discord")
    ada = next(str(one["id"]) for one in discord.people() if one["name"] == "Ada")
    message = await discord.say(ada, channel, "keep [this](https://example.com)")
    page = await desk.open()
    link = page.get_by_role("link", name="this")
    await link.focus()
    await page.evaluate("() => getSelection().selectAllChildren(document.activeElement)")
    await discord.change(ada, channel, message, "keep [this](https://example.com) and that")
    await expect(page.locator("#discord").get_by_text("and that")).to_be_visible()
    await expect(link).to_be_focused()
    assert await page.evaluate("() => String(getSelection())") == "this"


async def test_the_page_says_that_it_is_cut_off_and_comes_back_by_itself(browser: Browser) -> None:
    """A sandbox that restarts is found again, and what happened meanwhile is seen."""
    async with staged(answering=False) as world:
        page = await (await browser.new_context()).new_page()
        await page.goto(world.url)
        port = int(world.url.rsplit(":", 1)[1])
        state = page.locator("#connection")
        await expect(state).to_have_text("live")
        await world._close_page()
        await expect(state).to_have_text("reconnecting…")
        box = page.locator("#slack").get_by_role("textbox", name="Message #general")
        await box.fill("anybody?")
        await box.press("Enter")
        await expect(page.get_by_text("cannot be reached just now")).to_be_visible()
        await expect(box).to_have_value("anybody?")
        await world.slack.say("U0GRACE", "C0GENERAL", "while you were away")
        await world._open_page("127.0.0.1", port)
        await expect(state).to_have_text("live")
        await expect(page.get_by_text("while you were away")).to_be_visible()
        await page.context.close()


async def test_every_text_has_contrast_enough(desk: Desk) -> None:
    """WCAG AA, computed from what the browser drew, on a page with all kinds of content, light and dark."""
    await desk.world.slack.say(
        "U0ADA", "C0GENERAL", "hello *bold* `code` <https://example.com> <!channel>\n> quote"
    )
    page = await desk.open()
    await page.get_by_role("button", name="in Slack").click()
    await page.get_by_role("button", name="in Discord").click()
    await expect(page.locator("#discord .message.by-bot").nth(2)).to_be_visible()
    await expect(page.locator("#slack .thread-line").nth(2)).to_be_visible()
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        contrasts = await page.evaluate(CONTRASTS)
        assert len(contrasts) > 50
        assert [low for low in contrasts if low[0] < AA] == []


async def test_nothing_is_wider_than_the_window(desk: Desk) -> None:
    """At 390 pixels one chat at a time; tables and code scroll by themselves."""
    page = await desk.open()
    await page.get_by_role("button", name="A table").click()
    await expect(page.get_by_role("table").first).to_be_visible()
    for width in (1280, 1000, 768, 390):
        await page.set_viewport_size({"width": width, "height": 844})
        assert await page.evaluate("() => document.documentElement.scrollWidth") == width
    await expect(page.locator("#discord")).to_be_hidden()
    await page.get_by_role("button", name="Discord", exact=True).click()
    await expect(page.locator("#discord").get_by_role("article").first).to_be_visible()
    await expect(page.locator("#slack")).to_be_hidden()


async def test_the_theme_is_chosen_and_kept(desk: Desk) -> None:
    """The system's until one chooses; then one's own, also after a reload."""
    page = await desk.open(scheme="dark")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    dark = await page.evaluate(ground)
    await page.get_by_role("button", name="Use the light theme").click()
    light = await page.evaluate(ground)
    assert dark != light
    await page.reload()
    await page.wait_for_selector("body[data-ready]")
    assert await page.evaluate(ground) == light


async def test_the_panel_shows_budgets_and_refusals(desk: Desk) -> None:
    """Ten people at once and a bot that edits on a timer: refusals on the strips and in the panel."""
    page = await desk.open()
    await page.get_by_role("button", name="in Discord").click()
    row = page.get_by_role("listitem").filter(has_text="messages.patch")
    await expect(row).to_contain_text("#general")
    await expect(row).to_contain_text("observed")
    await expect(row.locator(".refusals")).to_have_text(re.compile(r"\d+"), timeout=15_000)
    await expect(page.locator("#discord .strip .caption", has_text="refused").first).to_be_visible()
    await expect(row.get_by_role("meter")).to_have_attribute("aria-valuemax", "5")
