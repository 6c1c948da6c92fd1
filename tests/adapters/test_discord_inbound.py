"""Discord's payloads, read as people meant them, without asking anybody."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.discord import inbound
from bot.ports import Attachment, Control, Deleted, Incoming, Line, Person, Place, Pressed, Ref

ME, ADA, GRACE = "900", "100", "101"
GUILD, GENERAL, THREAD, DM = "1", "10", "11", "12"


class Cache:
    """What the Gateway told of one small server."""

    def is_thread(self, channel: str) -> bool:
        return channel == THREAD

    def channel_name(self, channel: str) -> str:
        return {GENERAL: "general"}.get(channel, "")

    def role_name(self, guild: str, role: str) -> str:
        return "engineers" if (guild, role) == (GUILD, "500") else ""

    def person_name(self, person: str) -> str:
        return {GRACE: "Grace"}.get(person, "")

    def is_ours(self, message: str) -> bool:
        return message == "700"


def message(content: str = "hello", **more: Any) -> dict[str, Any]:
    return {
        "id": "2000",
        "channel_id": GENERAL,
        "guild_id": GUILD,
        "type": 0,
        "content": content,
        "author": {"id": ADA, "username": "ada", "global_name": "Ada"},
        "mentions": [],
        **more,
    }


US = [{"id": ME, "username": "claude", "bot": True}]


def said(d: dict[str, Any]) -> Incoming | None:
    return inbound.said(d, ME, Cache())


def test_a_mention_in_a_channel_is_answered_by_a_reply_to_it() -> None:
    """The answer grows in the channel as a Discord reply to the question."""
    assert said(message(f"<@{ME}> what is a monad?", mentions=US)) == Incoming(
        key="discord:message:2000",
        person=Person(ADA, "Ada"),
        text="what is a monad?",
        how="mention",
        place=Place("discord", GUILD, GENERAL, reply_to="2000"),
        scope="message:10:2000",
        message=Ref(GENERAL, "2000"),
    )


def test_a_direct_message_is_for_us_without_a_mention() -> None:
    """A conversation with one person is one scope."""
    d = message("hi", channel_id=DM)
    del d["guild_id"]
    incoming = said(d)
    assert incoming is not None
    assert (incoming.how, incoming.scope, incoming.place) == (
        "direct",
        "direct:12",
        Place("discord", "", DM, private=True),
    )


def reply(to: str, author: str, **more: Any) -> dict[str, Any]:
    return message(
        "and then?",
        type=19,
        message_reference={"message_id": to, "channel_id": GENERAL, "guild_id": GUILD},
        referenced_message={"id": to, "author": {"id": author}},
        **more,
    )


@pytest.mark.parametrize(
    ("d", "how"),
    [
        (reply("700", ME), "mention"),
        (
            {**reply("700", ME), "referenced_message": None},
            "mention",
        ),  # known as ours though Discord left it out
        (reply("701", GRACE, mentions=US), "mention"),
        (reply("701", GRACE), None),
    ],
    ids=["to ours", "to ours, not repeated", "to another, mentioning us", "to another"],
)
def test_a_reply_is_for_us_if_it_replies_to_us_or_mentions_us(d: dict[str, Any], how: str | None) -> None:
    """A reply to one of our messages goes on with that conversation; replies among people are theirs."""
    incoming = said(d)
    assert (incoming.how if incoming else None) == how
    if incoming is not None:
        assert incoming.answers == Ref(GENERAL, d["message_reference"]["message_id"])


def test_in_a_thread_everything_is_heard_and_a_mention_is_told_apart() -> None:
    """A thread is one conversation; who is addressed is for the core to weigh."""
    overheard, addressed = said(message(channel_id=THREAD)), said(message(channel_id=THREAD, mentions=US))
    assert overheard is not None
    assert addressed is not None
    assert (overheard.how, addressed.how) == ("overheard", "mention")
    assert overheard.scope == addressed.scope == "thread:11"


def test_a_thread_that_the_cache_does_not_know_is_told_by_the_payload() -> None:
    """An archived thread that wakes up is in no cache."""
    incoming = said(message(channel_id="99", channel_type=11))
    assert incoming is not None
    assert incoming.scope == "thread:99"


@pytest.mark.parametrize(
    "d",
    [
        message("<@&500> anyone?", mention_roles=["500"]),
        message("@everyone look", mention_everyone=True),
        message("just talking"),
        message(author={"id": GRACE, "username": "x", "bot": True}, mentions=US),
        message(author={"id": ME, "username": "claude"}, mentions=US),
        message(webhook_id="5", mentions=US),
        message(type=6, mentions=US),
        message("", channel_id=THREAD),
        message("a forward", type=0, message_reference={"type": 1, "message_id": "700"}),
    ],
    ids=[
        "role",
        "everyone",
        "unaddressed",
        "bot",
        "ourselves",
        "webhook",
        "pin",
        "unreadable in a thread",
        "forward",
    ],
)
def test_what_is_not_for_us_is_not_heard(d: dict[str, Any]) -> None:
    """Nobody is answered by accident: not for a role, not for everyone, not a bot, not ourselves."""
    assert said(d) is None


def test_a_mention_without_a_question_is_handed_on() -> None:
    """What to say to it is the core's."""
    incoming = said(message(f"<@!{ME}>", mentions=US))
    assert incoming is not None
    assert incoming.text == ""


def test_the_nickname_in_the_server_is_the_name() -> None:
    """People are called as others see them."""
    incoming = said(message(mentions=US, member={"nick": "Countess"}))
    assert incoming is not None
    assert incoming.person.name == "Countess"


def test_a_reply_to_somebody_elses_message_brings_that_message_along() -> None:
    """ "What does she mean?": the message asked about is in the event; one of ours is known to the conversation."""
    d = reply("701", GRACE, mentions=US)
    d["referenced_message"] |= {
        "channel_id": GENERAL,
        "content": "see <#10>",
        "attachments": [{"id": "9", "filename": "a.txt", "size": 3, "url": "u"}],
    }
    incoming = said(d)
    assert incoming is not None
    assert incoming.threaded
    assert incoming.about == Line(
        Ref(GENERAL, "701"),
        Person(GRACE, ""),
        "see #general",
        files=(Attachment("9", "a.txt", "", 3, "u"),),
    )
    to_ours = said(reply("700", ME))
    assert to_ours is not None
    assert to_ours.about is None
    assert to_ours.threaded


def test_what_is_attached_comes_with_the_question() -> None:
    """Also in a thread without a word: a picture is something said."""
    picture = {"id": "9", "filename": "a.png", "content_type": "image/png", "size": 3, "url": "u"}
    incoming = said(message("", channel_id=THREAD, attachments=[picture]))
    assert incoming is not None
    assert incoming.files == (Attachment("9", "a.png", "image/png", 3, "u"),)
    assert incoming.threaded


# ------------------------------------------------------------------------------------------------------ interactions


def interaction(kind: int, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "3000",
        "token": "secret",
        "type": kind,
        "channel_id": GENERAL,
        "guild_id": GUILD,
        "context": 0,
        "app_permissions": str(inbound.VIEW_CHANNEL | inbound.SEND_MESSAGES),
        "member": {"user": {"id": ADA, "username": "ada", "global_name": "Ada"}, "nick": None},
        "data": data,
        **more,
    }


ASK = {"name": "ask", "options": [{"name": "question", "type": 3, "value": "why <#10>?"}]}


def test_a_command_asks_and_its_token_stays_out_of_the_event() -> None:
    """The route is a handle; the token is the adapter's alone."""
    asked = inbound.asked(interaction(2, ASK), ME, Cache())
    assert asked.event == Incoming(
        key="discord:interaction:3000",
        person=Person(ADA, "Ada"),
        text="why #general?",
        how="command",
        place=Place("discord", GUILD, GENERAL, route="3000"),
        scope="message:10:3000",
    )
    assert "secret" not in repr(asked)
    assert asked.visible


def test_a_pressed_stop_names_its_reply() -> None:
    """The button carries the reply's id, so it works after a restart."""
    d = interaction(
        3,
        {"custom_id": "inkstream:stop:r:1", "component_type": 2},
        message={"id": "2001", "channel_id": GENERAL},
    )
    assert inbound.asked(d, ME, Cache()).event == Pressed(
        Control.STOP, "r:1", Person(ADA, "Ada"), Place("discord", GUILD, GENERAL), Ref(GENERAL, "2001")
    )


@pytest.mark.parametrize("custom_id", ["", "other:stop:1", "inkstream:explode:1", "inkstream:stop"])
def test_a_button_that_is_not_ours_says_nothing(custom_id: str) -> None:
    """Buttons of other versions and other applications are no event."""
    d = interaction(3, {"custom_id": custom_id}, message={"id": "2001"})
    assert inbound.asked(d, ME, Cache()).event is None


@pytest.mark.parametrize(
    ("more", "visible"),
    [
        ({}, True),
        ({"app_permissions": str(1 << 3)}, True),
        ({"app_permissions": str(inbound.VIEW_CHANNEL)}, False),
        ({"app_permissions": "many"}, True),
        ({"authorizing_integration_owners": {"1": ADA}}, False),
        ({"channel": {"type": 11}}, False),
        (
            {"channel": {"type": 11}, "app_permissions": str(inbound.VIEW_CHANNEL | inbound.SEND_IN_THREADS)},
            True,
        ),
        ({"guild_id": None, "context": 1, "app_permissions": "0"}, True),
        ({"guild_id": None, "context": 2}, False),
    ],
    ids=[
        "may",
        "administrator",
        "may not send",
        "unsaid",
        "installed by a user",
        "thread",
        "thread, may",
        "DM",
        "group",
    ],
)
def test_whether_we_can_post_beside_the_interaction(more: dict[str, Any], visible: bool) -> None:
    """Where we cannot post ourselves, further pages are follow-ups."""
    assert inbound.asked(interaction(2, ASK, **more), ME, Cache()).visible is visible


def test_deletions_one_by_one_and_in_bulk() -> None:
    """Each message that disappeared is one event."""
    assert inbound.deleted({"id": "1", "channel_id": "10", "guild_id": "1"}) == [Deleted(Ref("10", "1"))]
    assert inbound.deleted({"ids": ["1", "2"], "channel_id": "10"}) == [
        Deleted(Ref("10", "1")),
        Deleted(Ref("10", "2")),
    ]
