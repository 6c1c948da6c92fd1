"""What people press, choose and fill in, in a real browser: on both platforms, each in its own manner."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import FilePayload, Locator, Page, expect

from sandbox.world import World
from tests.page import test_browser
from tests.page.stage import TimerBot, general
from tests.page.test_browser import Desk, browser, desk, window

__all__ = ["browser", "desk", "window"]  # the fixtures of the page's other tests
pytestmark = test_browser.pytestmark

SLACK_FORM: dict[str, Any] = {
    "type": "modal",
    "callback_id": "settings",
    "title": {"type": "plain_text", "text": "Settings"},
    "submit": {"type": "plain_text", "text": "Save"},
    "blocks": [
        {"type": "section", "text": {"type": "mrkdwn", "text": "For *this* channel."}},
        {"type": "divider"},
        {"type": "header", "text": {"type": "plain_text", "text": "The answer"}},
        {
            "type": "input",
            "block_id": "model",
            "label": {"type": "plain_text", "text": "Model"},
            "element": {
                "type": "static_select",
                "action_id": "value",
                "options": [
                    {"text": {"type": "plain_text", "text": name}, "value": name.lower()}
                    for name in ("Opus", "Sonnet")
                ],
            },
        },
        {
            "type": "input",
            "block_id": "people",
            "optional": True,
            "label": {"type": "plain_text", "text": "Who may ask"},
            "element": {"type": "multi_users_select", "action_id": "value", "initial_users": ["U0ADA"]},
        },
        {
            "type": "input",
            "block_id": "persona",
            "optional": True,
            "label": {"type": "plain_text", "text": "Persona"},
            "hint": {"type": "plain_text", "text": "In a sentence"},
            "element": {"type": "plain_text_input", "action_id": "value", "multiline": True},
        },
    ],
}


def person(world: World, name: str = "Ada") -> str:
    return next(str(one["id"]) for one in world.discord.people() if one["name"] == name)


async def more(message: Locator, item: str) -> None:
    await message.hover()
    await message.get_by_role("button", name="More").click()
    await message.page.get_by_role("menuitem", name=item).click()


async def post_discord(desk: Desk, components: list[Any], content: str = "Choose") -> None:
    """The bot posts a message with components under it."""
    discord = desk.world.discord
    bot = TimerBot(desk.world, desk.session)
    headers = {"Authorization": f"Bot {discord.bot_token}", "User-Agent": "DiscordBot (test, 1)"}
    address = f"{discord.api_url}/channels/{general(desk.world, 'discord')}/messages"
    body = {"content": content, "components": components}
    async with bot.session.post(address, json=body, headers=headers) as answer:
        assert answer.status == 200


async def slack_form(desk: Desk, trigger: str = "U0ADA") -> str:
    """The bot opens the form for somebody; the view's id."""
    slack = desk.world.slack
    issued = slack._surfaces.triggers.issue(trigger)
    answer = await TimerBot(desk.world, desk.session).call_slack(
        "views.open", trigger_id=issued, view=SLACK_FORM
    )
    assert answer["ok"], answer
    return str(answer["view"]["id"])


async def test_a_form_on_slack_is_filled_in_and_sent(desk: Desk) -> None:
    """It opens for the one it is for, says what is missing beside the field, and closes when it is sent."""
    page = await desk.open()
    await page.locator("#slack").get_by_label("Speaking as").select_option("Grace")
    view = await slack_form(desk)
    await page.locator("#slack").get_by_label("Speaking as").select_option("Ada")
    form = page.get_by_role("dialog", name="Settings")
    await expect(form).to_contain_text("For this channel.")
    await expect(form.get_by_role("heading", name="The answer")).to_be_visible()
    await form.get_by_role("button", name="Save").click()
    await expect(form.get_by_text("Please complete this required field.")).to_be_visible()
    await form.get_by_label("Model").select_option("Sonnet")
    await form.get_by_label("Who may ask").click()
    await page.get_by_role("checkbox", name="Grace").check()
    await page.keyboard.press("Enter")
    await form.get_by_label("Persona").fill("You\nare brief.")
    await form.get_by_role("button", name="Save").click()
    await desk.world.record.wait(lambda record: record.entries("unacked", "slack", event="view_submission"))
    await expect(form.get_by_text("We had some trouble connecting. Try again?")).to_be_visible()
    shown = next(one for one in desk.world.slack.views() if one["id"] == view)
    assert shown["state"]["model"]["value"]["selected_option"]["value"] == "sonnet"
    assert shown["state"]["people"]["value"]["selected_users"] == ["U0ADA", "U0GRACE"]
    assert shown["state"]["persona"]["value"]["value"] == "You\nare brief."


async def test_what_slack_is_told_is_wrong_stands_beside_its_field(desk: Desk) -> None:
    """response_action errors: the form stays, and what was typed in it."""
    page = await desk.open()
    view = await slack_form(desk)
    form = page.get_by_role("dialog", name="Settings")
    await form.get_by_label("Persona").fill("kept")
    desk.world.record.add("view", "slack", verb="errors", view=view, body={"persona": "Too dull."})
    await expect(form.get_by_text("Too dull.")).to_be_visible()
    await expect(form.get_by_label("Persona")).to_be_focused()
    await expect(form.get_by_label("Persona")).to_have_value("kept")


async def test_a_form_is_closed_without_being_sent(desk: Desk) -> None:
    """Cancel, and Escape: the server hears of both, and the keyboard is back where it was."""
    page = await desk.open()
    box = page.locator("#slack").get_by_role("textbox", name="Message #general")
    for close in ("Cancel", "Escape"):
        await box.focus()
        await slack_form(desk)
        form = page.get_by_role("dialog", name="Settings")
        await expect(form).to_be_visible()
        if close == "Cancel":
            await form.get_by_role("button", name="Cancel").click()
        else:
            await page.keyboard.press("Escape")
        await expect(form).to_have_count(0)
        await expect(box).to_be_focused()
        await desk.world.record.wait(lambda _: not desk.world.slack.views() or None)


async def test_discords_selects_are_chosen_in(desk: Desk) -> None:
    """One of some in the browser's own select; people and roles in a list to tick."""
    options = [{"label": name, "value": name.lower()} for name in ("Opus", "Sonnet")]
    rows = [
        {"type": 3, "custom_id": "model", "placeholder": "Model", "options": options},
        {"type": 5, "custom_id": "people", "placeholder": "People", "min_values": 0, "max_values": 5},
        {"type": 6, "custom_id": "roles", "placeholder": "Roles", "min_values": 0, "max_values": 5},
    ]
    await post_discord(desk, [{"type": 1, "components": [row]} for row in rows])
    page = await desk.open()
    message = page.locator("#discord").get_by_role("article", name="claude")
    await message.get_by_label("Model").select_option("Sonnet")
    await message.get_by_role("button", name="People").click()
    await page.get_by_role("checkbox", name="Grace").check()
    await page.get_by_role("checkbox", name="Linus").check()
    await page.keyboard.press("Enter")
    await expect(message.get_by_text("Grace, Linus")).to_be_visible()
    await message.get_by_role("button", name="Roles").click()
    await page.get_by_role("checkbox", name="engineers").check()
    await page.keyboard.press("Escape")
    used = await desk.world.record.wait(
        lambda record: (
            found if len(found := record.entries("interaction", "discord", what="sent")) == 3 else None
        )
    )
    assert [one["type"] for one in used] == [3, 3, 3]
    # No bot is there to answer.
    await expect(page.get_by_text("This interaction failed.")).to_be_visible(timeout=10_000)


async def test_buttons_are_styled_and_a_disabled_one_cannot_be_pressed(desk: Desk) -> None:
    """Five styles, as Discord has them; a link goes out."""
    buttons: list[dict[str, Any]] = [
        {"type": 2, "style": number, "label": name, "custom_id": name}
        for number, name in enumerate(("primary", "secondary", "success", "danger"), start=1)
    ]
    buttons[1]["disabled"] = True
    buttons.append({"type": 2, "style": 5, "label": "link", "url": "https://example.com/"})
    await post_discord(desk, [{"type": 1, "components": buttons}])
    page = await desk.open()
    message = page.locator("#discord").get_by_role("article", name="claude")
    for name in ("primary", "success", "danger"):
        await expect(message.get_by_role("button", name=name)).to_have_class(re.compile(name))
    await expect(message.get_by_role("button", name="secondary")).to_be_disabled()
    await expect(message.get_by_role("link", name="link")).to_have_attribute("href", "https://example.com/")


async def test_slack_asks_before_a_button_that_wants_it(desk: Desk) -> None:
    """A confirmation dialog: no is no, and yes is pressed once."""
    words = {name: {"type": "plain_text", "text": text} for name, text in (
        ("title", "Delete"), ("text", "Really?"), ("confirm", "Yes"), ("deny", "No"),
    )}  # fmt: skip
    button = {"type": "button", "action_id": "delete", "text": words["title"], "confirm": words}
    blocks = [{"type": "actions", "elements": [button]}]
    await TimerBot(desk.world, desk.session).call_slack(
        "chat.postMessage", channel="C0GENERAL", text="An answer", blocks=blocks
    )
    page = await desk.open()
    message = page.locator("#slack").get_by_role("article", name="claude")
    for answer in ("No", "Yes"):
        await message.get_by_role("button", name="Delete").click()
        dialog = page.get_by_role("dialog", name="Delete")
        await expect(dialog).to_contain_text("Really?")
        await dialog.get_by_role("button", name=answer).click()
        await expect(dialog).to_have_count(0)
    await desk.world.record.wait(lambda record: record.entries("unacked", "slack", event="block_actions"))
    assert len(desk.world.record.entries("unacked", "slack", event="block_actions")) == 1


@pytest.mark.parametrize("platform", ["slack", "discord"])
async def test_one_reacts_from_a_messages_menu(desk: Desk, platform: str) -> None:
    """By the mouse, and by the keyboard; a second time takes it back."""
    server = desk.world.slack if platform == "slack" else desk.world.discord
    ada = "U0ADA" if platform == "slack" else person(desk.world)
    channel = general(desk.world, platform)
    await server.say(ada, channel, "hello")
    page = await desk.open()
    message = page.locator(f"#{platform}").get_by_role("article").filter(has_text="hello")
    await more(message, "React: stop sign")
    mark = message.get_by_role("button", name="🛑 1: Ada")
    await expect(mark).to_have_attribute("aria-pressed", "true")
    name = "octagonal_sign" if platform == "slack" else "🛑"
    assert name in server.messages(channel)[0]["reactions"]
    await mark.click()
    await expect(mark).to_have_count(0)
    await message.focus()
    await message.press("ContextMenu") if platform == "slack" else await message.click(button="right")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")
    await expect(message.get_by_role("button", name="👍 1: Ada")).to_be_visible()


async def test_the_bots_own_entries_stand_in_the_menu(desk: Desk) -> None:
    """As Slack's app configuration says; what nobody answers is told."""
    await desk.world.slack.say("U0GRACE", "C0GENERAL", "look at this")
    page = await desk.open()
    message = page.locator("#slack").get_by_role("article").filter(has_text="look at this")
    await more(message, "Ask Claude about this")
    await expect(page.get_by_text("The app did not respond to that shortcut.")).to_be_visible()
    await message.hover()
    await message.get_by_role("button", name="More").click()
    await expect(page.get_by_role("menuitem", name="Delete message")).to_be_visible()  # Ada is an admin
    await expect(page.get_by_role("menuitem", name="Edit message")).to_have_count(0)
    await page.keyboard.press("Escape")
    await page.locator("#slack").get_by_label("Speaking as").select_option("Linus")
    await message.hover()
    await message.get_by_role("button", name="More").click()
    await expect(page.get_by_role("menuitem", name="Delete message")).to_have_count(0)


@pytest.mark.parametrize("platform", ["slack", "discord"])
async def test_files_are_attached_shown_and_downloaded(desk: Desk, platform: str) -> None:
    """A picture is seen; a page of HTML is saved, and never runs."""
    page = await desk.open()
    chat = page.locator(f"#{platform}")
    picture = await page.screenshot(clip={"x": 0, "y": 0, "width": 40, "height": 30})
    await chat.locator(".stage input[type=file]").set_input_files(
        [
            FilePayload(name="shot.png", mimeType="image/png", buffer=picture),
            FilePayload(
                name="evil.html", mimeType="text/html", buffer=b"<script>document.title = 1</script>"
            ),
            FilePayload(name="not this.txt", mimeType="text/plain", buffer=b"x"),
        ]
    )
    await chat.get_by_role("button", name="Remove not this.txt").click()
    await chat.get_by_role("button", name="Send").click()
    message = chat.get_by_role("article", name="Ada")
    image = message.locator("img")
    await expect(image).to_be_visible()
    await page.wait_for_function("() => document.querySelector('.files img').naturalWidth === 40")
    await expect(message.get_by_role("listitem")).to_have_count(2)
    async with page.expect_download() as waiting:
        await message.get_by_role("link", name="evil.html").click()
    assert (await waiting.value).suggested_filename == "evil.html"
    server = desk.world.slack if platform == "slack" else desk.world.discord
    [sent] = server.messages(general(desk.world, platform))
    assert [file["name"] for file in sent["files"]] == ["shot.png", "evil.html"]
    assert server.file(sent["files"][0]["id"]) == picture


async def test_a_pasted_picture_is_attached(desk: Desk) -> None:
    """As in both clients: paste, see it named, send."""
    page = await desk.open()
    box = page.locator("#discord").get_by_role("textbox", name="Message #general")
    await box.focus()
    await box.evaluate(
        "(box) => { const data = new DataTransfer(); data.items.add(new File(['hi'], 'pasted.txt', { type: 'text/plain' }));"
        "box.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })) }"
    )
    await expect(page.locator("#discord").get_by_text("pasted.txt")).to_be_visible()
    await box.press("Enter")
    link = page.locator("#discord").get_by_role("article").get_by_role("link", name="pasted.txt")
    await expect(link).to_be_visible()


async def test_discords_threads_stand_under_their_channel(desk: Desk) -> None:
    """Made from a message; gone to from the list, and from the message."""
    ada, channel = person(desk.world), general(desk.world, "discord")
    await desk.world.discord.say(ada, channel, "what about lunch")
    page = await desk.open()
    discord = page.locator("#discord")
    await more(discord.get_by_role("article").filter(has_text="what about lunch"), "Create thread")
    box = discord.get_by_role("textbox", name="Message what about lunch")
    await expect(box).to_be_visible()
    await box.fill("soup")
    await box.press("Enter")
    await expect(discord.get_by_role("article").filter(has_text="soup")).to_be_visible()
    await discord.get_by_role("button", name="general", exact=True).click()
    await expect(discord.get_by_role("article").filter(has_text="soup")).to_be_hidden()
    await discord.get_by_role("button", name=re.compile("what about lunch · 1 message")).click()
    await expect(discord.get_by_role("article").filter(has_text="soup")).to_be_visible()


async def test_who_one_is_and_what_there_is_to_try_can_be_seen(desk: Desk) -> None:
    """Managers and guests are told apart; each suggestion begins what it says."""
    page = await desk.open()
    slack = page.locator("#slack")
    await expect(slack.locator(".role")).to_have_text("Admin")
    await slack.get_by_role("button", name="/claude settings").click()
    box = slack.get_by_role("textbox", name="Message #general")
    await expect(box).to_have_value("/claude settings")
    await expect(box).to_be_focused()
    await slack.get_by_role("button", name="Things to try").click()
    await slack.locator(".ideas").get_by_role("button", name="Ask about a file").click()
    await expect(box).to_have_value("@claude What is in this file?")
    await expect(slack.get_by_text("lunch.txt")).to_be_visible()
    await slack.get_by_role("button", name="Things to try").click()
    await slack.locator(".ideas").get_by_role("button", name="Speak as Dorothy").click()
    await expect(slack.locator(".role")).to_have_text("Guest")
    await expect(slack.get_by_role("button", name="random")).to_have_count(0)


async def test_commands_and_what_follows_them_are_offered(desk: Desk) -> None:
    """Typed, chosen, sent with one Enter more; what is no command is not sent."""
    page = await desk.open()
    slack = page.locator("#slack")
    box = slack.get_by_role("textbox", name="Message #general")
    await box.press_sequentially("/cl")
    await box.press("Enter")
    await expect(slack.get_by_role("listbox").get_by_role("option")).to_have_count(6)
    await box.press_sequentially("us")
    await box.press("Tab")
    await expect(box).to_have_value("/claude usage")
    await box.press("Enter")
    await expect(box).to_have_value("")
    await box.press_sequentially("/nonsense")
    await box.press("Enter")
    await expect(slack.get_by_text("/nonsense is not a valid command here.")).to_be_visible()


async def test_a_form_a_menu_and_the_suggestions_have_contrast_enough(desk: Desk) -> None:
    """WCAG AA, light and dark, of what stands over the chats."""
    await desk.world.discord.say(person(desk.world), general(desk.world, "discord"), "hello")
    buttons = [
        {"type": 2, "style": number, "label": f"style {number}", "custom_id": str(number)}
        for number in range(1, 5)
    ]
    await post_discord(desk, [{"type": 1, "components": buttons}])
    page = await desk.open()
    discord = page.locator("#discord")
    for opened in ("menu", "ideas", "form"):
        if opened == "menu":
            message = discord.get_by_role("article").filter(has_text="hello")
            await message.hover()
            await message.get_by_role("button", name="More").click()
        elif opened == "ideas":
            await discord.get_by_role("button", name="Things to try").click()
        else:
            await slack_form(desk)
            await page.get_by_role("dialog").get_by_role("button", name="Save").click()
            await expect(page.get_by_text("Please complete this required field.")).to_be_visible()
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            contrasts = await page.evaluate(test_browser.CONTRASTS)
            assert [low for low in contrasts if low[0] < test_browser.AA] == []
        await page.keyboard.press("Escape")


async def test_a_phone_has_room_for_a_form_and_a_menu(desk: Desk) -> None:
    """At 390 pixels nothing stands outside of the window."""
    await desk.world.slack.say("U0ADA", "C0GENERAL", "hello")
    page = await desk.open(390, 700)
    await slack_form(desk)
    form = page.get_by_role("dialog", name="Settings")
    await _inside(page, form)
    await page.keyboard.press("Escape")
    message = page.locator("#slack").get_by_role("article")
    await message.click()
    await message.get_by_role("button", name="More").click()
    await _inside(page, page.get_by_role("menu"))


async def _inside(page: Page, element: Locator) -> None:
    await expect(element).to_be_visible()
    box = await element.bounding_box()
    assert box is not None
    size = page.viewport_size
    assert size is not None
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= size["width"]
    assert box["y"] + box["height"] <= size["height"]


async def test_a_whisper_on_discord_can_be_put_away(desk: Desk) -> None:
    """Only the one who was told sees it, until it is dismissed."""
    discord = desk.world.discord
    channel = discord.state.channel("general")
    message = discord.posts.blank(channel, discord.state.users[discord.bot_id], flags=1 << 6)
    message.content, message.ephemeral_for = "psst", person(desk.world)
    discord.posts.post(message)
    page = await desk.open()
    chat = page.locator("#discord")
    await expect(chat.get_by_text("Only you can see this")).to_be_visible()
    await chat.get_by_role("button", name="Dismiss message").click()
    await expect(chat.get_by_text("psst")).to_have_count(0)
