"""What only Slack has, on the sandbox's Slack, with limits on. Beside the contract suite, see contract/conftest.py."""

from __future__ import annotations

import asyncio
import logging

import pytest

from adapters.slack import writing
from adapters.slack.platform import SlackPlatform
from bot.ports import (
    ConnectError,
    Content,
    Control,
    Denied,
    Edited,
    Incoming,
    Place,
    Ref,
    Refused,
    Rejected,
    Sent,
    Unavailable,
)
from sandbox.record import Record
from tests.adapters.slack_stage import ADA, GENERAL, GRACE, ROBOT, Workspace

# ---------------------------------------------------------------------------------------------------- deliveries


async def test_deliveries_of_one_message_are_one_question(slack: Workspace) -> None:
    """app_mention and message, each delivered twice, in either order."""
    for n in range(4):
        slack.server.deliver_twice(2)
        assert (await slack.ask(f"question {n}")).text == f"question {n}"


async def test_a_lost_acknowledgement_does_not_ask_twice(slack: Workspace) -> None:
    """Slack sends again what it holds for unacknowledged."""
    slack.clock.set_duration("slack.ack", 0.2)
    slack.server.swallow_acks(2)
    assert (await slack.ask("one")).text == "one"
    await slack.record.wait(lambda r: len(r.entries("event", "slack", attempt=1)) == 2)
    assert (await slack.ask("two")).text == "two"


async def test_everything_that_slack_sends_is_acknowledged(slack: Workspace) -> None:
    """Also what the bot has no use for: unacknowledged events are sent again, and in the end switched off."""
    _, ref = await slack.posted()
    await slack.server.react(ADA, GENERAL, ref.message, "eyes")
    await slack.server.unfurl(GENERAL, ref.message)
    await slack.server.open_home(ADA)
    await slack.server.shortcut(ADA, "unknown", GENERAL, ref.message)
    await slack.server.shortcut(ADA, "unknown")
    said = await slack.server.say(ADA, GENERAL, "typo")
    await slack.server.change(ADA, GENERAL, said, f"{slack.server.mention} not a question")
    await slack.server.delete(ADA, GENERAL, said)
    await slack.server.command(ADA, GENERAL, "anything", "why?")

    def settled(record: Record) -> bool:
        sent = {entry["id"] for entry in record.entries("event", "slack")}
        return len(sent) >= 12 and sent == {entry["id"] for entry in record.entries("acked", "slack")}

    await slack.record.wait(settled)
    assert slack.record.entries("unacked", "slack") == []


async def test_another_bot_is_told_to_be_one(slack: Workspace) -> None:
    """Two bots that answer each other never end: only what is said to us is passed on, and for what it is."""
    question = await slack.ask("why?")
    await slack.server.say(ROBOT, GENERAL, "overheard")
    await slack.server.say(ROBOT, GENERAL, "and in the thread", thread=question.place.thread)
    await slack.server.say(ROBOT, GENERAL, f"{slack.server.mention} hello, colleague")
    asked = await slack.next(Incoming)
    assert (asked.text, asked.bot, asked.person.name) == ("hello, colleague", True, "robo")
    assert not question.bot


async def test_our_own_words_are_never_a_question(slack: Workspace) -> None:
    """Not even where they mention us (fault 17)."""
    place, ref = await slack.posted(f"{slack.server.mention} hello")
    await slack.platform.edit(place, ref, Content(f"{slack.server.mention} hello again"))
    assert (await slack.ask("next")).text == "next"


async def test_only_what_somebody_reworded_is_an_edit(slack: Workspace) -> None:
    """message_changed is also what Slack sends for unfurls, thread counters and each of our own edits (fault 16)."""
    question = await slack.ask("see https://example.test/")
    assert question.message is not None
    sent = await slack.post(question.place, "one")
    assert isinstance(sent, Sent)
    await slack.platform.edit(question.place, sent.ref, Content("one two"))
    for _ in range(3):
        await slack.server.unfurl(GENERAL, question.message.message)
        await slack.server.unfurl(GENERAL, sent.ref.message)
    await slack.server.react(ADA, GENERAL, question.message.message, "eyes")
    slack.server.deliver_twice()
    await slack.server.change(ADA, GENERAL, question.message.message, f"{slack.server.mention} and now?")
    edited = await slack.next(Edited)
    assert (edited.message, edited.place) == (question.message, question.place)
    assert edited.text.startswith("and now?")
    await slack.server.unfurl(
        GENERAL, question.message.message
    )  # of an edited message: it still says "edited"
    assert (await slack.ask("asked")).text == "asked"


async def test_a_hundred_kilobytes_arrive_whole(slack: Workspace) -> None:
    """How long is too long is the core's to say."""
    text = "0123456789" * 10_000
    assert (await slack.ask(text)).text == text


# ---------------------------------------------------------------------------------------------------- places


async def test_a_thread_in_a_direct_message_is_a_conversation_of_its_own(slack: Workspace) -> None:
    """And the unthreaded DM another."""
    direct = slack.server.direct(ADA)
    root = await slack.server.say(ADA, direct, "hello")
    first = await slack.next(Incoming)
    await slack.server.say(ADA, direct, "and this?", thread=root)
    second = await slack.next(Incoming)
    assert (first.place.thread, first.scope) == ("", f"direct:{direct}")
    assert (second.place.thread, second.scope) == (root, f"thread:{direct}:{root}")


async def test_a_command_in_a_direct_message_is_answered_there(slack: Workspace) -> None:
    """A DM has no members to invite."""
    direct = slack.server.direct(ADA)
    await slack.server.command(ADA, direct, "ask", "why?")
    incoming = await slack.next(Incoming)
    assert incoming.place.private
    assert isinstance(await slack.post(incoming.place, "because"), Sent)


# ---------------------------------------------------------------------------------------------------- writing


async def test_edits_carry_no_edited_label(slack: Workspace) -> None:
    """A growing answer is not a corrected one."""
    place, ref = await slack.posted()
    assert await slack.platform.edit(place, ref, Content("two")) == Sent(ref)
    [message] = [m for m in slack.server.messages(GENERAL) if m["id"] == ref.message]
    assert not message["edited"]
    assert message["thread"] == place.thread


async def test_markdown_that_slack_will_not_take_is_shown_plainly(slack: Workspace) -> None:
    """Two tables in one message are refused: the words go out all the same, and the budget hears of both calls."""
    tables = "| a |\n|---|\n| 1 |\n\ntext <!channel>\n\n| b |\n|---|\n| 2 |"
    text = slack.platform.profile.dialect.render(tables, (), 0, len(tables))
    place, ref = await slack.posted()
    assert await slack.platform.edit(place, ref, Content(text)) == Sent(ref)
    assert slack.shown(ref).replace("&lt;", "<").replace("&gt;", ">") == tables
    assert "<!" not in slack.shown(ref)
    assert slack.meter.spendings == ["T0SANDBOX:chat.update"]
    sent = await slack.post(place, text)
    assert isinstance(sent, Sent)
    assert slack.meter.spendings[1:] == [b.key for b in slack.platform.buckets("post", place, None)]


async def test_a_message_that_went_plain_is_not_tried_anew_at_each_edit(slack: Workspace) -> None:
    """But its last edit is: what stays should look its best."""
    tables = "| a |\n|---|\n| 1 |\n\n| b |\n|---|\n| 2 |"
    incoming = await slack.ask()
    sent = await slack.platform.post(incoming.place, Content(tables, (Control.STOP,), "r1"), key="k")
    assert isinstance(sent, Sent)
    spent = len(slack.meter.spendings)
    await slack.platform.edit(incoming.place, sent.ref, Content("text", (Control.STOP,), "r1"))
    assert len(slack.meter.spendings) == spent
    await slack.platform.edit(incoming.place, sent.ref, Content("# done"))
    assert slack.shown(sent.ref) == "# done"


async def test_a_post_whose_answer_is_lost_is_found_in_a_direct_message(slack: Workspace) -> None:
    """At top level the channel's history is read."""
    direct = slack.server.direct(ADA)
    await slack.server.say(ADA, direct, "hello")
    place = (await slack.next(Incoming)).place
    slack.server.faults.fault("chat.postMessage", drop="after")
    assert await slack.post(place, "one", "k7") == Unavailable("connection_lost", None)
    found = await slack.platform.find(place, "k7")
    assert isinstance(found, Ref)
    assert slack.shown(found) == "one"
    slack.server.faults.fault("conversations.history", status=429, retry_after=4)
    assert await slack.platform.find(place, "k7") == Unavailable("ratelimited", None, 4.0)


@pytest.mark.parametrize("code", ["not_in_channel", "channel_not_found", "token_revoked"])
async def test_where_the_bot_may_not_read_any_more_there_is_nothing_to_be_found(
    slack: Workspace, code: str
) -> None:
    """Else a post whose answer was lost would be looked for for ever: nothing can be posted there again either."""
    place = Place("slack", "T0SANDBOX", GENERAL, thread="1700000000.000100")
    slack.server.faults.fault("conversations.replies", error=code)
    assert await slack.platform.find(place, "k7") is None


async def test_a_channel_is_read_from_its_end_so_far_and_no_further(
    slack: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a direct message with years of history it is still known that a post is not there."""
    monkeypatch.setattr(writing, "FIND_LIMIT", 2)
    direct = slack.server.direct(ADA)
    for number in range(2 * writing.FIND_PAGES + 2):
        await slack.server.say(ADA, direct, f"hello {number}")
    place = (await slack.next(Incoming)).place
    assert await slack.platform.find(place, "k7") is None


async def test_a_refused_post_closes_its_channel_and_not_the_others(slack: Workspace) -> None:
    """Slack counts posts by channel first; only a second, idle channel's refusal points to the workspace."""
    one, two = Place("slack", "T0SANDBOX", GENERAL), Place("slack", "T0SANDBOX", "C0RANDOM")
    slack.server.faults.fault("chat.postMessage", status=429, retry_after=5, times=2)
    assert await slack.post(one, "x") == Refused(5.0, f"T0SANDBOX:chat.postMessage:{GENERAL}")
    assert await slack.post(two, "x") == Refused(5.0, "T0SANDBOX:chat.postMessage")


async def test_a_channel_that_spends_its_own_budget_is_refused_alone(slack: Workspace) -> None:
    """Two busy channels do not make a busy workspace."""
    one, two = Place("slack", "T0SANDBOX", GENERAL), Place("slack", "T0SANDBOX", "C0RANDOM")
    refused = []
    for place in (one, two):
        outcomes = [await slack.post(place, "x") for _ in range(7)]
        refused.append(next(o for o in outcomes if isinstance(o, Refused)).bucket)
    assert refused == [f"T0SANDBOX:chat.postMessage:{place.channel}" for place in (one, two)]


async def test_an_archived_channel_is_denied(slack: Workspace) -> None:
    place, ref = await slack.posted()
    slack.server.set_archived(GENERAL)
    assert isinstance(await slack.platform.edit(place, ref, Content("two")), Denied)
    assert isinstance(await slack.post(place, "two"), Denied)


async def test_a_lost_edit_is_not_sent_again_by_the_client(slack: Workspace) -> None:
    """One attempt for each verb: the core alone decides what comes next."""
    place, ref = await slack.posted()
    slack.server.faults.fault("chat.update", drop="after")
    assert await slack.platform.edit(place, ref, Content("two")) == Unavailable("connection_lost", None)
    assert len(slack.record.entries("call", "slack", method="chat.update")) == 1
    assert slack.shown(ref) == "two"


async def test_too_much_is_rejected(slack: Workspace) -> None:
    place, _ = await slack.posted()
    assert isinstance(await slack.post(place, "x" * 13_000), Rejected)


# ---------------------------------------------------------------------------------------------------- tokens


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"bot_token": "xoxb-wrong"}, "SLACK_BOT_TOKEN"),
        ({"app_token": "xapp-wrong"}, "SLACK_APP_TOKEN"),
        ({"app_token": "xoxb-sandbox-bot"}, "SLACK_APP_TOKEN"),
    ],
)
async def test_a_wrong_token_is_said_at_once(
    closed: Workspace, settings: dict[str, str], sentence: str
) -> None:
    """In a sentence that names the setting, and not the token."""
    with pytest.raises(ConnectError, match=sentence) as failed:
        await closed.make(**settings).connect(closed.meter)
    assert all(token not in str(failed.value) for token in settings.values())
    assert not closed.platform.health().ready


async def test_a_slack_that_is_away_for_a_moment_is_waited_for(closed: Workspace) -> None:
    """A restart during an incident is no reason to give up."""
    closed.server.faults.fault("auth.test", status=503, body="<html>", times=2)
    closed.server.faults.fault("apps.connections.open", status=429, body="", retry_after=1)
    await closed.connect()
    assert closed.platform.health().ready


async def test_an_address_that_is_no_slack_is_said_at_once(closed: Workspace) -> None:
    platform = SlackPlatform(bot_token="x", app_token="x", api_url=closed.server.url + "/nothing/")
    with pytest.raises(ConnectError):
        await platform.connect(closed.meter)


async def test_a_token_revoked_while_running_is_denied_and_told(slack: Workspace) -> None:
    """And made good again, it works again: nobody has to restart."""
    place, ref = await slack.posted()
    slack.server.revoke("token_revoked")
    assert await slack.platform.edit(place, ref, Content("two")) == Denied("token_revoked")
    health = slack.platform.health()
    assert not health.ready
    assert "token_revoked" in " ".join(health.notes)
    slack.server.revoke("")
    assert await slack.platform.edit(place, ref, Content("two")) == Sent(ref)
    assert slack.platform.health().ready


async def test_a_missing_scope_is_told(closed: Workspace) -> None:
    """Names are not worth refusing to start for."""
    closed.server.scopes.discard("users:read")
    await closed.connect()
    health = closed.platform.health()
    assert health.ready
    assert "users:read" in " ".join(health.notes)
    incoming = await closed.ask()
    assert await closed.platform.name(incoming.person) == ""


async def test_misuse_is_answered_with_a_sentence(closed: Workspace) -> None:
    with pytest.raises(ValueError, match="app token"):
        SlackPlatform(bot_token="x")
    platform = closed.make()
    with pytest.raises(RuntimeError, match=r"connect\(\) first"):
        await platform.status(Place("slack", "", ""), "x")
    await closed.connect()
    with pytest.raises(RuntimeError, match="connected before"):
        await closed.platform.connect(closed.meter)


# ---------------------------------------------------------------------------------------------------- beside it


async def test_a_status_stands_under_the_question(slack: Workspace) -> None:
    """Until the first text, or until it is cleared."""
    place = (await slack.ask()).place
    await slack.platform.status(place, "is thinking…")
    assert slack.server.status(GENERAL, place.thread) == "is thinking…"
    await slack.platform.status(place, "")
    assert slack.server.status(GENERAL, place.thread) == ""


async def test_a_slack_without_statuses_is_not_asked_again(slack: Workspace) -> None:
    """One line in the log, no call for each reply."""
    place = (await slack.ask()).place
    slack.server.faults.fault("assistant.threads.setStatus", error="not_agent_app")
    for _ in range(3):
        await slack.platform.status(place, "is thinking…")
    assert len(slack.record.entries("call", "slack", method="assistant.threads.setStatus")) == 1


async def test_an_unthreaded_direct_message_has_no_status(slack: Workspace) -> None:
    await slack.platform.status(Place("slack", "T0SANDBOX", slack.server.direct(ADA)), "is thinking…")
    assert slack.record.entries("call", "slack", method="assistant.threads.setStatus") == []


async def test_a_name_is_asked_for_once(slack: Workspace) -> None:
    """Also when ten ask at once; and it is then known in what people write."""
    incoming = await slack.ask()
    assert incoming.person.name == "Ada", "in her first question already"
    names = await asyncio.gather(*(slack.platform.name(incoming.person) for _ in range(10)))
    assert set(names) == {"Ada"}
    assert len(slack.record.entries("call", "slack", method="users.info")) == 1
    await slack.server.say(GRACE, GENERAL, f"{slack.server.mention} who is <@{ADA}>?")
    asked = await slack.next(Incoming)
    assert (asked.text, asked.person.name) == ("who is @Ada?", "Grace")


async def test_a_name_that_cannot_be_had_is_not_asked_for_again_at_once(slack: Workspace) -> None:
    slack.server.faults.fault("users.info", status=429, retry_after=30)
    incoming = await slack.ask()
    assert [await slack.platform.name(incoming.person) for _ in range(3)] == ["", "", ""]
    assert len(slack.record.entries("call", "slack", method="users.info")) == 1


async def test_closing_ends_a_look_up_without_a_name(slack: Workspace) -> None:
    """Whoever waits for it is not cancelled along with it."""
    slack.server.faults.fault("users.info", delay=30)
    incoming = await slack.ask()
    asked = asyncio.create_task(slack.platform.name(incoming.person))
    await asyncio.sleep(0)
    await slack.platform.close()
    assert await asked == ""


async def test_no_log_holds_words_or_tokens(closed: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    """At any level, through faults, refusals and reconnects."""
    caplog.set_level(logging.DEBUG)
    await closed.connect()
    place = (await closed.ask("SECRET-QUESTION")).place
    sent = await closed.post(place, "SECRET-ANSWER")
    assert isinstance(sent, Sent)
    for fault in ({"status": 429}, {"status": 500}, {"drop": "after"}, {"error": "invalid_blocks"}):
        closed.server.faults.fault("chat.update", **fault)
        await closed.platform.edit(place, sent.ref, Content("SECRET-EDIT"))
    await closed.server.command(ADA, GENERAL, "ask", "SECRET-COMMAND")
    incoming = await closed.next(Incoming)
    await closed.platform.whisper(incoming.place, incoming.person, "SECRET-SENTENCE")
    await closed.server.disconnect("refresh_requested")
    closed.server.revoke()
    await closed.platform.whisper(incoming.place, incoming.person, "SECRET-SENTENCE")
    await closed.platform.close()
    said = "\n".join(f"{r.getMessage()} {r.__dict__}" for r in caplog.records)
    assert "SECRET" not in said
    assert "xoxb-" not in said
    assert "xapp-" not in said
    assert "ticket=" not in said
