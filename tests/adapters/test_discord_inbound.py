"""Discord's payloads, read as people meant them, without asking anybody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.discord import inbound
from bot.ports import Attachment, Control, Deleted, Edited, Incoming, Line, Person, Place, Pressed, Ref

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

    def parent_of(self, thread: str) -> str:
        return GENERAL if thread == THREAD else ""

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


ROBOT = {"id": "777", "username": "x", "bot": True}
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
        (reply("701", GRACE), "overheard"),
    ],
    ids=["to ours", "to ours, not repeated", "to another, mentioning us", "to another"],
)
def test_a_reply_is_for_us_if_it_replies_to_us_or_mentions_us(d: dict[str, Any], how: str) -> None:
    """A reply to one of our messages goes on with that conversation; replies among people are overheard."""
    incoming = said(d)
    assert incoming is not None
    assert incoming.how == how
    assert incoming.answers == Ref(GENERAL, d["message_reference"]["message_id"])


@pytest.mark.parametrize(
    ("d", "answers"),
    [
        (message("just talking"), None),
        (message("<@&500> anyone?", mention_roles=["500"]), None),
        (message("@everyone look", mention_everyone=True), None),
        (message("a forward", message_reference={"type": 1, "message_id": "700"}), None),
    ],
    ids=["talk", "a role", "everyone", "a forward of ours"],
)
def test_what_nobody_says_to_us_is_overheard(d: dict[str, Any], answers: Ref | None) -> None:
    """In a channel where the bot takes part in everything it concerns us; that is for the core to know."""
    incoming = said(d)
    assert incoming is not None
    assert (incoming.how, incoming.scope, incoming.answers) == ("overheard", "message:10:2000", answers)
    assert incoming.place.reply_to == "2000"


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
        message(author=ROBOT),
        message(author=ROBOT, mentions=US),
        message(f"<@{ME}>", author=ROBOT, mentions=US, webhook_id="5"),
        message(author={"id": ME, "username": "claude"}, mentions=US),
        message(webhook_id="5", mentions=US),
        message(type=6, mentions=US),
        message("", channel_id=THREAD),
        message(""),
    ],
    ids=[
        "bot",
        "bot that only replies to us",
        "bot's webhook",
        "ourselves",
        "webhook",
        "pin",
        "unreadable in a thread",
        "unreadable",
    ],
)
def test_what_is_not_for_us_is_not_heard(d: dict[str, Any]) -> None:
    """Fault 17: not ourselves, never a webhook, and no bot that does not say our name."""
    assert said(d) is None


def test_a_bot_that_says_our_name_is_heard_as_a_bot() -> None:
    """Whether bots are answered is a list of the core's."""
    incoming = said(message(f"<@{ME}> status?", author=ROBOT, mentions=US))
    assert incoming is not None
    assert (incoming.bot, incoming.how, incoming.text) == (True, "mention", "status?")
    person = said(message(mentions=US))
    assert person is not None
    assert not person.bot


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


def test_deletions_one_by_one_and_in_bulk() -> None:
    """Each message that disappeared is one event."""
    assert inbound.deleted({"id": "1", "channel_id": "10", "guild_id": "1"}) == [Deleted(Ref("10", "1"))]
    assert inbound.deleted({"ids": ["1", "2"], "channel_id": "10"}) == [
        Deleted(Ref("10", "1")),
        Deleted(Ref("10", "2")),
    ]


# ------------------------------------------------------------------------------------------------------------- edits

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JUST, LATER = "2026-03-01T11:59:58.000000+00:00", "2026-03-01T12:00:01.000000+00:00"


def edited(d: dict[str, Any], before: tuple[str, str] | None) -> Edited | None:
    return inbound.edited(d, ME, Cache(), before=before, now=NOW)


def test_an_edit_has_new_words_and_a_new_time() -> None:
    """The question as it now is, where it stands."""
    before = inbound.print_of(message("hello"))
    d = message(f"<@{ME}> hello there", edited_timestamp=JUST, mentions=US)
    assert edited(d, before) == Edited(
        Ref(GENERAL, "2000"),
        Person(ADA, "Ada"),
        Place("discord", GUILD, GENERAL, reply_to="2000"),
        "hello there",
    )


FILE = {"id": "9", "filename": "a.png", "content_type": "image/png", "size": 3, "url": "u"}


@pytest.mark.parametrize(
    ("d", "before"),
    [
        (message("hello", embeds=[{"type": "link", "title": "x"}]), message("hello")),
        (
            message("hello", edited_timestamp=JUST, embeds=[{"type": "link"}]),
            message("hello", edited_timestamp=JUST),
        ),
        (message("hello", edited_timestamp=JUST, flags=1 << 5), message("hello", edited_timestamp=JUST)),
        (message("hello", edited_timestamp=JUST, pinned=True), message("hello", edited_timestamp=JUST)),
        (message("older", edited_timestamp=JUST), message("hello", edited_timestamp=LATER)),
        (message("hello", edited_timestamp="2026-03-01T10:00:00+00:00"), None),
        (message("hello", edited_timestamp="soon"), None),
        ({"id": "2000", "channel_id": GENERAL, "embeds": [{}]}, message("hello")),
        ({"id": "2000", "channel_id": GENERAL, "author": {"id": ADA}}, message("hello")),
        (message("", edited_timestamp=JUST), message("hello")),
        (message("new", edited_timestamp=JUST, author={"id": ME, "username": "claude"}), message("hello")),
        (message("new", edited_timestamp=JUST, author=ROBOT), message("hello")),
        (message("new", edited_timestamp=JUST, webhook_id="5"), message("hello")),
        (message("new", edited_timestamp=JUST, type=6), message("hello")),
    ],
    ids=[
        "unfurl",
        "unfurl after an edit",
        "thread",
        "pin",
        "out of order",
        "unfurl of what was edited before we were there",
        "no time",
        "partial",
        "partial with its author",
        "unreadable",
        "ours",
        "a bot's",
        "a webhook's",
        "an announcement",
    ],
)
def test_what_only_looks_like_an_edit_is_none(d: dict[str, Any], before: dict[str, Any] | None) -> None:
    """Fault 16: fifty answers in eight seconds, once, for previews."""
    assert edited(d, inbound.print_of(before) if before is not None else None) is None


def test_an_edit_of_what_was_said_before_we_were_there_is_one() -> None:
    """A question from before a restart; it is edited this moment."""
    assert edited(message("new", edited_timestamp=JUST), None) is not None


def test_a_file_that_was_taken_off_is_an_edit() -> None:
    """The words are the same; what Claude would read is not."""
    before = inbound.print_of(message("look", attachments=[FILE, {**FILE, "id": "10"}]))
    found = edited(message("look", attachments=[FILE], edited_timestamp=JUST), before)
    assert found is not None
    assert [one.id for one in found.files] == ["9"]


# --------------------------------------------------------------------------------------------------------- reactions


def reaction(name: str = "🛑", **more: Any) -> dict[str, Any]:
    return {
        "user_id": ADA,
        "channel_id": GENERAL,
        "message_id": "701",
        "guild_id": GUILD,
        "message_author_id": ME,
        "emoji": {"id": None, "name": name},
        "member": {"user": {"id": ADA, "username": "ada", "global_name": "Ada"}, "roles": []},
        **more,
    }


@pytest.mark.parametrize(
    ("name", "control"),
    [
        ("🛑", Control.STOP),
        ("👍", Control.GOOD),
        ("👍🏿", Control.GOOD),
        ("👎", Control.BAD),
        ("👎🏼", Control.BAD),
        ("👎\ufe0f", Control.BAD),
        ("🎉", None),
        ("", None),
    ],
)
def test_a_reaction_on_ours_is_a_button(name: str, control: Control | None) -> None:
    """Fault 26: whoever finds no button reaches for the sign."""
    pressed = inbound.reacted(reaction(name), ME, Cache())
    assert (pressed.control if pressed else None) == control
    if pressed is not None:
        assert pressed == Pressed(
            Control(control or ""),
            "",
            Person(ADA, "Ada"),
            Place("discord", GUILD, GENERAL),
            Ref(GENERAL, "701"),
        )


@pytest.mark.parametrize(
    "d",
    [
        reaction(message_author_id=GRACE),
        reaction(message_author_id=None),
        reaction(user_id=ME),
        reaction(member={"user": ROBOT}),
        reaction(emoji={"id": "5", "name": "🛑"}),
        reaction(emoji={}),
    ],
    ids=["on another's", "on nobody knows whose", "ours", "a bot's", "a custom emoji", "none"],
)
def test_other_reactions_are_nothing(d: dict[str, Any]) -> None:
    """Bots that react to everything stop nothing."""
    assert inbound.reacted(d, ME, Cache()) is None


def test_a_reaction_is_ours_to_hear_where_only_we_remember_whose_message_it_is() -> None:
    """`message_author_id` is not on every payload."""
    d = reaction(message_id="700")
    del d["message_author_id"], d["member"]
    pressed = inbound.reacted(d, ME, Cache())
    assert pressed is not None
    assert pressed.message == Ref(GENERAL, "700")
