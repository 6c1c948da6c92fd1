"""What arrives, on virtual time: once, in order, with the files and names that belong to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from adapters.slack.inbox import NAMES_SECONDS, TWIN_SECONDS, Inbox
from adapters.slack.payloads import Identity
from adapters.slack.routes import Routes
from bot.ports import Chosen, Deleted, Edited, Event, Incoming, Ordered, Person, Place, Pressed

pytestmark = pytest.mark.looptime

ME = Identity("T1", "UBOT", "BBOT")
FILES = [{"id": "F1", "name": "a.txt", "mimetype": "text/plain", "size": 3}]


class Desk:
    """An inbox, and what the core takes out of it and when."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.slow = 0.0  # seconds until a name is known
        self.noticed: list[tuple[str, ...]] = []
        self.opened: list[tuple[Place, Person]] = []
        self.inbox = Inbox(
            name_of=lambda id_: self.names.get(id_, ""),
            learn=self._learn,
            noticed=lambda *told: self.noticed.append(told),
            opened=lambda *told: self.opened.append(told),
            routes=Routes(),
        )
        self.inbox.introduce(ME)
        self._events = self.inbox.events()

    async def _learn(self, ids: Sequence[str]) -> None:
        await asyncio.sleep(self.slow)
        self.names.update(dict.fromkeys(ids, "Grace"))

    def arrives(self, kind: str, **event: Any) -> None:
        told = {"user": "U1", "ts": "5.1", "channel": "C1", "text": "<@UBOT> why?", **event}
        self.inbox.event({"type": "event_callback", "team_id": "T1", "event": {"type": kind, **told}})

    async def next(self) -> tuple[Any, float]:
        """(the next event, when)."""
        event = await anext(self._events)
        return event, asyncio.get_running_loop().time()

    async def rest(self) -> list[Event]:
        """Whatever is still to come."""
        self.inbox.close()
        return [event async for event in self._events]


# ---------------------------------------------------------------------------------------------------- pairs


@pytest.mark.parametrize("first", ["message", "app_mention"])
async def test_a_pair_is_one_question_with_the_files_of_whichever_has_them(first: str) -> None:
    """app_mention may lack them (fault 23), and either of the two may come first."""
    desk = Desk()
    for kind in sorted(("app_mention", "message"), key=lambda kind: kind != first):
        desk.arrives(kind, **({"files": FILES, "subtype": "file_share"} if kind == "message" else {}))
        await asyncio.sleep(0.02)
    question, when = await desk.next()
    assert isinstance(question, Incoming)
    assert (question.how, [file.id for file in question.files]) == ("mention", ["F1"])
    assert when < TWIN_SECONDS
    assert await desk.rest() == []


async def test_a_mention_with_files_waits_for_nothing() -> None:
    desk = Desk()
    desk.arrives("app_mention", files=FILES)
    question, when = await desk.next()
    assert (len(question.files), when) == (1, 0.0)


async def test_a_mention_whose_message_does_not_come_is_not_held_for_long_nor_twice() -> None:
    """A channel from which only mentions reach us is known after the first one."""
    desk = Desk()
    desk.arrives("app_mention")
    question, when = await desk.next()
    assert question.text == "why?"
    assert when == pytest.approx(TWIN_SECONDS)
    desk.arrives("app_mention", ts="5.2")
    assert (await desk.next())[1] == when
    # Where messages are heard after all, a mention may have a twin again.
    desk.arrives("message", ts="5.3", text="chatter")
    await desk.next()
    desk.arrives("app_mention", ts="5.4")
    assert (await desk.next())[1] == pytest.approx(when + TWIN_SECONDS)


async def test_files_that_come_too_late_are_an_edit_of_the_question() -> None:
    """Slack delivers a lost event a minute later: what it brings is not thrown away, and not asked twice."""
    desk = Desk()
    desk.arrives("app_mention")
    question, _ = await desk.next()
    await asyncio.sleep(60)
    for _ in range(2):
        desk.arrives("message", files=FILES, subtype="file_share")
    late, _ = await desk.next()
    assert isinstance(late, Edited)
    assert (late.message, late.text, [file.id for file in late.files]) == (question.message, "why?", ["F1"])
    assert await desk.rest() == []


async def test_who_waits_for_a_twin_keeps_its_turn() -> None:
    """Questions are handed on in the order in which they came."""
    desk = Desk()
    desk.arrives("app_mention", ts="5.1")
    desk.arrives("message", ts="5.2", text="a follow-up", thread_ts="5.1")
    assert [(await desk.next())[0].message.message for _ in range(2)] == ["5.1", "5.2"]


async def test_a_mention_overheard_first_is_still_a_mention() -> None:
    """Where only the blocks mention us, the message does not say that it is for us."""
    desk = Desk()
    desk.arrives("message", text="see the blocks")
    desk.arrives("app_mention", text="see the blocks", files=FILES)
    assert [(await desk.next())[0].how for _ in range(2)] == ["overheard", "mention"]


async def test_closing_lets_nothing_wait() -> None:
    """And whoever reads the events comes to their end."""
    desk = Desk()
    desk.arrives("app_mention")
    assert await desk.rest() == []
    assert asyncio.get_running_loop().time() == 0.0


# ---------------------------------------------------------------------------------------------------- names


async def test_a_question_waits_for_the_names_that_it_mentions() -> None:
    """For half a second at most; a twin is waited for meanwhile, not afterwards."""
    desk = Desk()
    desk.slow = 0.2
    desk.arrives("app_mention", text="<@UBOT> who is <@U2>?")
    question, when = await desk.next()
    assert question.text == "who is @Grace?"
    assert when == pytest.approx(0.2)
    desk.names.clear()
    desk.slow = 30.0
    desk.arrives("message", ts="5.2", text="<@UBOT> who is <@U2>?")
    question, late = await desk.next()
    assert question.text == "who is @U2?"
    assert late == pytest.approx(when + NAMES_SECONDS)


async def test_the_first_question_of_somebody_unknown_has_their_name() -> None:
    """Claude heard "U1: ..." of whoever asked for the first time; a name that does not come holds nobody up."""
    desk = Desk()
    desk.slow = 0.2
    desk.arrives("app_mention", files=FILES)
    question, when = await desk.next()
    assert (question.person.id, question.person.name) == ("U1", "Grace")
    assert when == pytest.approx(0.2)
    desk.arrives("app_mention", ts="5.2", files=FILES)
    assert (await desk.next())[1] == when, "who is known is not asked for"
    desk.slow = 30.0
    desk.arrives("message", user="U3", ts="5.3", channel="D1", channel_type="im")
    question, late = await desk.next()
    assert (question.person.id, question.person.name) == ("U3", "")
    assert late == pytest.approx(when + NAMES_SECONDS)


async def test_chatter_has_no_names_looked_up() -> None:
    """It is dropped mostly, and users.info is counted."""
    desk = Desk()
    desk.slow = 0.2
    desk.arrives("message", text="hello <@U2>")
    overheard, when = await desk.next()
    assert (overheard.text, when) == ("hello @U2", 0.0)
    desk.arrives("message", ts="5.2", text="hello <@U2>", thread_ts="5.1")
    assert (await desk.next())[0].text == "hello @Grace"


# ---------------------------------------------------------------------------------------------------- once


async def test_each_edit_is_handed_on_once() -> None:
    """Redelivered it is the same, reworded again it is another."""
    desk = Desk()
    before = {"user": "U1", "ts": "5.1", "text": "why?"}
    for moment in ("6.0", "6.0", "7.0"):
        after = {**before, "text": f"how, at {moment}?", "edited": {"user": "U1", "ts": moment}}
        desk.arrives("message", subtype="message_changed", message=after, previous_message=before)
    assert [event.text for event in await desk.rest() if isinstance(event, Edited)] == [
        "how, at 6.0?",
        "how, at 7.0?",
    ]


async def test_each_sign_is_handed_on_once() -> None:
    """A reaction that was taken back and given again is another."""
    desk = Desk()
    item = {"type": "message", "channel": "C1", "ts": "1.2"}
    for moment in ("6.0", "6.0", "7.0"):
        desk.arrives(
            "reaction_added", reaction="octagonal_sign", item=item, item_user="UBOT", event_ts=moment
        )
    assert len([event for event in await desk.rest() if isinstance(event, Pressed)]) == 2


async def test_deletions_are_told_as_often_as_slack_does() -> None:
    desk = Desk()
    desk.arrives("message", subtype="message_deleted", deleted_ts="5.0")
    assert isinstance((await desk.next())[0], Deleted)


PRESS = {
    "type": "block_actions",
    "user": {"id": "U1", "team_id": "T9"},
    "channel": {"id": "C1"},
    "container": {"message_ts": "1.2", "channel_id": "C1"},
    "trigger_id": "1.2.abc",
    "response_url": "http://127.0.0.1/r",
}
ORDER = {
    "command": "/claude",
    "text": "usage",
    "user_id": "U1",
    "channel_id": "C1",
    "trigger_id": "1.2.abc",
    "response_url": "http://127.0.0.1/r",
}


async def test_each_act_is_handed_on_once_with_a_way_to_answer_it() -> None:
    """Orders, presses and choices, whatever is delivered twice."""
    desk = Desk()
    for _ in range(2):
        desk.inbox.command(ORDER)
        desk.inbox.press({**PRESS, "actions": [{"action_id": "inkstream:stop", "value": "r1"}]})
        desk.inbox.press({**PRESS, "actions": [{"action_id": "inkstream:button:yes", "value": "yes"}]})
    found = await desk.rest()
    assert [type(event) for event in found] == [Ordered, Pressed, Chosen]
    routes = {event.place.route for event in found if isinstance(event, Ordered | Pressed | Chosen)}
    assert len(routes) == 3
    assert "" not in routes


@pytest.mark.parametrize(("slow", "name", "at"), [(0.1, "Grace", 0.1), (9.0, "", NAMES_SECONDS)])
async def test_a_commands_question_brings_its_askers_name(slow: float, name: str, at: float) -> None:
    """It stands above the question, and is told to Claude; a look-up that takes long does not hold it up."""
    desk = Desk()
    desk.slow = slow
    desk.inbox.command({**ORDER, "command": "/ask", "text": "why?", "user_name": "grace.h"})
    asked, moment = await desk.next()
    assert (asked.person, asked.unseen) == (Person("U1", name), "grace.h")
    assert moment == pytest.approx(at)
    assert asked.place.route


async def test_what_an_event_says_of_somebodys_workspace_is_passed_on() -> None:
    """Slack Connect: so outsiders are known before anybody looks them up."""
    desk = Desk()
    desk.arrives("message", user_team="T2", source_team="T2")
    desk.inbox.press({**PRESS, "actions": [{"action_id": "inkstream:stop", "value": "r1"}]})
    assert desk.noticed == [("U1", "T2", "T2"), ("U1", "T9")]


async def test_a_malformed_payload_is_logged_by_its_field(caplog: pytest.LogCaptureFixture) -> None:
    """And nothing of its content, and the next one is handled."""
    desk = Desk()
    desk.arrives("app_mention", user=None, text="SECRET")
    desk.inbox.command({"text": "SECRET"})
    desk.inbox.press({"actions": [{"action_id": "inkstream:stop", "value": "SECRET"}]})
    desk.inbox.shortcut({"type": "message_action", "callback_id": "ask_message", "text": "SECRET"})
    desk.inbox.submission({"view": {"callback_id": "inkstream:panel:x", "private_metadata": "SECRET"}})
    desk.arrives("message", text="fine")
    assert [type(event) for event in await desk.rest()] == [Incoming]
    assert [record.__dict__["what"] for record in caplog.records] == [
        "event",
        "command",
        "press",
        "shortcut",
        "submission",
    ]
    assert "SECRET" not in "".join(f"{record.__dict__}" for record in caplog.records)
