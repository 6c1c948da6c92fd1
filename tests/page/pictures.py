"""Takes the README's pictures: `python -m tests.page.pictures [folder]` asks on both chats of a demo and looks.

The bot is the one that `inkstream run` starts, so the pictures show what a newcomer sees after `make demo`.
"""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from tests.page.stage import ARGUMENTS, chromium

ROOT = Path(__file__).parents[2]
MOST_BYTES = 300_000


async def demo() -> tuple[asyncio.subprocess.Process, str]:
    """`inkstream demo` on any free port, and the page's address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", "--port", "0"), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        async for line in process.stdout:
            if found := re.search(rb"http://[\w.:]+", line):
                return process, found[0].decode()
    raise RuntimeError("the demo ended before it told the page's address")


async def opened(browser: Browser, url: str, width: int, height: int, scheme: str) -> Page:
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="en-GB",
    )
    page = await context.new_page()
    await page.goto(url)
    await page.wait_for_selector("body[data-ready]")
    return page


async def picture(page: Page, path: Path) -> None:
    await page.screenshot(path=path)
    size = path.stat().st_size
    sys.stdout.write(f"{path}  {size:,} bytes\n")
    assert size < MOST_BYTES, f"{path} is larger than {MOST_BYTES:,} bytes"


async def said(page: Page, platform: str, text: str) -> None:
    box = page.locator(f"#{platform} .stage textarea")
    await box.fill(text)
    await box.press("Enter")


async def controls(page: Page, folder: Path) -> None:
    """What stands under an answer, in a message's menu, and in the settings, on both platforms."""
    await page.emulate_media(reduced_motion="reduce")  # no ink is wet in a picture
    await page.locator("#gauges .toggle").click()  # room for the chats
    for platform in ("slack", "discord"):
        await page.locator(f"#{platform} nav button", has_text="random").click()
        await said(page, platform, "@claude Why is the sky blue? #chars:420 #speed:900")
    done = page.locator("#slack .thread .control", has_text="Regenerate")
    await done.wait_for()
    await page.locator("#discord .control", has_text="Regenerate").first.wait_for()
    question = page.locator("#slack .thread .message").first
    await question.hover()
    await question.get_by_role("button", name="More").click()
    await page.get_by_role("menuitem", name="React: thumbs up").click()
    await question.get_by_role("button", name="More").click()
    await picture(page, folder / "page-menu.png")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Close the thread").click()
    await said(page, "discord", "/claude settings")
    await page.locator("#discord").get_by_role("button", name="This channel").click()
    await page.locator("#discord .select").first.wait_for()
    await page.locator("#discord").get_by_role("log").evaluate("(log) => { log.scrollTop = 380 }")
    await picture(page, folder / "page-settings-discord.png")
    await said(page, "slack", "/claude settings")
    await page.locator("#slack").get_by_role("button", name="This channel").click()
    await page.get_by_role("dialog").wait_for()
    await picture(page, folder / "page-settings-slack.png")


async def main(folder: Path) -> None:
    executable = chromium()
    if executable is None:
        raise SystemExit("No Chromium is on PATH: install the package chromium.")
    process, url = await demo()
    try:
        async with async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=executable, args=ARGUMENTS)
            light = await opened(browser, url, 1280, 800, "light")
            dark = await opened(browser, url, 1280, 800, "dark")
            phone = await opened(browser, url, 390, 844, "light")
            await light.get_by_role("button", name="A table").click()
            await light.get_by_role("button", name="Close the thread").wait_for()
            await phone.locator(".slack .thread-line").first.click()
            await dark.locator(".slack .thread-line").first.click()
            # Once the tables stand in both chats and the answers still grow.
            await light.locator(".slack .thread .message.growing table tr").nth(4).wait_for()
            await light.locator(".discord .message.growing pre").first.wait_for()
            await light.mouse.move(640, 400)
            await picture(light, folder / "page-light.png")
            await phone.mouse.move(0, 0)
            await picture(phone, folder / "page-phone.png")
            await dark.get_by_role("button", name="Close the thread").click()
            await dark.get_by_role("button", name="in Slack").click()
            await dark.get_by_role("button", name="in Discord").click()
            await dark.locator(".slack .thread-line.growing").nth(9).wait_for()
            await dark.locator(".discord .message.growing").nth(9).wait_for()
            await (
                dark.locator(
                    ".slack .thread-line.growing .caption", has_text=re.compile(r"[3-9]\d\d characters")
                )
                .nth(4)
                .wait_for()
            )
            await dark.mouse.move(640, 400)
            await picture(dark, folder / "page-dark.png")
            await controls(await opened(browser, url, 1280, 800, "light"), folder)
            await browser.close()
    finally:
        process.send_signal(signal.SIGINT)
        await process.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs"))
