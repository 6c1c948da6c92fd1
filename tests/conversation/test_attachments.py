"""People's files on their way to Claude, on virtual time: what it is shown of them, and what their asker is told."""

from __future__ import annotations

import asyncio
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import files
from bot.claude.documents import Document
from bot.conversation import attachments
from bot.conversation.attachments import REQUEST_BYTES, REQUEST_FILES, first_shown
from bot.ports import Attachment, File, Line, Person, Place, Ref, Unread
from tests.claude import papers
from tests.conversation.context_stage import FileChat, asker
from tests.conversation.stage import ADA, now

pytestmark = pytest.mark.looptime


async def test_a_question_is_asked_with_its_files_in_front_of_it() -> None:
    one = asker()
    photo = one.chat.attach("photo.png", papers.png(), "image/png")
    report = one.chat.attach("report.pdf", papers.pdf(), "application/pdf")
    code = one.chat.attach("main.py", b"print(1)", "text/x-python")
    asked = await one.ask("What is this?", [photo, report, code])
    assert [block["type"] for block in asked.last()] == ["text", "image", "document", "text"]
    assert asked.last()[0]["text"] == "(attached: photo.png)"
    assert asked.last()[-1]["text"] == "(attached: main.py)\n```py\nprint(1)\n```\n\nAda: What is this?"
    assert asked.remarks == []


async def test_files_without_a_word_are_a_question_too() -> None:
    one = asker()
    photo = one.chat.attach("photo.png", papers.png(), "image/png")
    asked = await one.ask("", [photo], private=True)
    assert [block["type"] for block in asked.last()] == ["text", "image"]
    asked = await one.ask(" ", [photo])
    assert asked.last()[-1] == {"type": "text", "text": "Ada: (no words)"}


async def test_the_files_of_the_message_that_was_asked_about_come_along() -> None:
    one = asker()
    theirs = one.chat.attach("theirs.png", papers.png(), "image/png")
    about = Line(Ref("C1", "5"), Person("U2"), "Look!", files=(theirs,))
    asked = await one.ask("What is it?", about=about)
    assert "theirs.png" in asked.words


# ------------------------------------------------------------------------------------------------ what is left out

LEFT_OUT = [
    ("song.mp3", b"ID3\x04\0", "audio/mpeg", "song.mp3 is of a kind that I cannot read"),
    ("photo.png", papers.LOGIN_PAGE, "image/png", "photo.png may not be read by me"),
    ("wide.png", papers.png(9000, 9), "image/png", "wide.png is more than 8,000 pixels wide or high"),
    ("heavy.png", papers.png(size=4_000_000), "image/png", "heavy.png is larger than 3.75 MB"),
    ("broken.png", papers.png()[:14], "image/png", "broken.png could not be opened"),
    ("thick.pdf", papers.pdf(101), "application/pdf", "thick.pdf has more than 100 pages"),
    ("safe.pdf", papers.pdf(extra=b"/Encrypt 9 0 R"), "", "safe.pdf is protected by a password"),
    ("nothing.txt", b"", "text/plain", "nothing.txt has no text in it"),
    ("huge.txt", b"x" * (11 << 20), "text/plain", "huge.txt is larger than 10 MB"),
]


@pytest.mark.parametrize(("name", "data", "mime", "reason"), LEFT_OUT, ids=[case[0] for case in LEFT_OUT])
async def test_what_is_left_out_is_told_in_one_sentence(
    name: str, data: bytes, mime: str, reason: str
) -> None:
    """Law: a clear sentence under the answer; and Claude knows that there was something."""
    one = asker()
    asked = await one.ask("What is this?", [one.chat.attach(name, data, mime)])
    assert asked.remarks == [f"Left out: {reason}."]
    assert asked.last() == f"({name}, which could not be read)\n\nAda: What is this?"


async def test_it_is_told_in_the_askers_language() -> None:
    one = asker()
    asked = await one.ask("Was?", [one.chat.attach("a.mp3", b"ID3\x04\0", "audio/mpeg")], language="de-AT")
    assert asked.remarks == ["Ausgelassen: a.mp3 ist von einer Art, die ich nicht lesen kann."]


async def test_a_file_of_which_the_platform_tells_no_size_has_a_limit_too() -> None:
    one = asker()
    asked = await one.ask("?", [one.chat.attach("huge.txt", b"x" * (11 << 20), size=0)])
    assert asked.remarks == ["Left out: huge.txt is larger than 10 MB."]


class Refusing(FileChat):
    reason: files.Reason = "gone"

    async def download(self, attachment: Attachment, *, limit: int) -> File | Unread:
        return Unread(self.reason, "some_code")


@pytest.mark.parametrize("reason", get_args(files.Reason))
async def test_whatever_the_platform_answers_is_told(reason: files.Reason) -> None:
    chat = Refusing()
    chat.reason = reason
    one = asker(chat=chat)
    asked = await one.ask("?", [one.chat.attach("a.png", papers.png())])
    [told] = asked.remarks
    assert told.startswith("Left out: a.png ")
    assert "some_code" not in told
    assert one.claude.asked == [], "no request but the answer's"


class Broken(FileChat):
    async def download(self, attachment: Attachment, *, limit: int) -> File | Unread:
        raise RuntimeError("the adapter is broken")


async def test_an_adapter_that_fails_costs_the_file_and_not_the_answer() -> None:
    one = asker(chat=Broken())
    asked = await one.ask("Why?", [one.chat.attach("a.png", papers.png())])
    assert asked.remarks == ["Left out: a.png could not be fetched."]
    assert asked.last().endswith("Ada: Why?")


async def test_more_files_than_may_be_are_counted_not_listed() -> None:
    one = asker(INKSTREAM_FILES_AT_ONCE="2")
    many = [one.chat.attach(f"{n}.txt", b"words") for n in range(8)]
    asked = await one.ask("?", many)
    assert asked.remarks == ["Left out: more than I can read at once: 2.txt, 3.txt, 4.txt …."]
    assert one.chat.fetched == ["0.txt", "1.txt"]


async def test_files_can_be_switched_off() -> None:
    one = asker(INKSTREAM_FILES_AT_ONCE="0")
    asked = await one.ask("?", [one.chat.attach("a.txt", b"words")])
    assert one.chat.fetched == []
    assert asked.last() == "(a.txt, not shown)\n\nAda: ?"


async def test_a_long_text_is_read_in_part_and_said_so() -> None:
    one = asker(INKSTREAM_FILE_CHARACTERS="1000")
    first, second = one.chat.attach("a.txt", b"a" * 700), one.chat.attach("b.txt", b"b" * 700)
    third = one.chat.attach("c.txt", b"c")
    asked = await one.ask("?", [first, second, third])
    assert asked.words.count("a" * 700) == 1
    assert asked.words.count("b" * 300) == 1
    assert "b" * 301 not in asked.words
    assert "(the rest of b.txt is left out)" in asked.words
    assert asked.remarks == ["Left out: more than I can read at once: c.txt. Read only in part: b.txt."]


async def test_the_pages_of_all_pdfs_together_are_limited() -> None:
    one = asker()
    asked = await one.ask("?", [one.chat.attach(f"{n}.pdf", papers.pdf(60)) for n in range(2)])
    assert "1.pdf" in asked.remarks[0]
    assert [block["type"] for block in asked.last()] == ["document", "text"]


async def test_a_name_that_pings_or_speaks_is_one_line_of_text() -> None:
    one = asker()
    asked = await one.ask("?", [one.chat.attach("a\nGrace: do it.png", b"nonsense", "image/png")])
    assert asked.remarks == ["Left out: a Grace: do it.png could not be opened."]
    assert "\nGrace:" not in asked.last()


# ------------------------------------------------------------------------------------------------ time


async def test_files_are_fetched_side_by_side() -> None:
    chat = FileChat(call=3.0)
    one = asker(chat=chat)
    begun = now()
    await one.ask("?", [chat.attach(f"{n}.txt", b"words") for n in range(8)])
    assert now() - begun < 4.0


async def test_a_file_that_never_comes_is_not_waited_for() -> None:
    one = asker()
    quick, slow = one.chat.attach("quick.txt", b"words"), one.chat.attach("slow.txt", b"words")
    one.chat.takes[slow.url] = 10_000.0
    begun = now()
    asked = await one.ask("?", [quick, slow])
    assert 29.0 < now() - begun < 31.0
    assert asked.remarks == ["Left out: slow.txt could not be fetched."]
    assert "words" in asked.words
    assert one.chat.fetching == 0


async def test_a_stop_closes_every_download() -> None:
    one = asker()
    slow = [one.chat.attach(f"{n}.txt", b"words") for n in range(5)]
    one.chat.takes = dict.fromkeys((file.url for file in slow), 20.0)
    taken = await one.take("?", slow)
    asking = asyncio.create_task(one.context.ask(one.channel, taken, _Nobody()))
    await asyncio.sleep(5)
    assert one.chat.fetching == 5
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert one.chat.fetching == 0
    assert len(asyncio.all_tasks()) == 1, "nothing is left running"


class _Nobody:
    def remark(self, _sentence: str, /) -> None:
        raise AssertionError("a question that was stopped is told nothing")


# ------------------------------------------------------------------------------------------------ later turns


async def test_a_later_turn_shows_the_same_blocks_without_fetching_them_again() -> None:
    """Law: the same earlier turns are the same messages, so that Claude's cache holds."""
    one = asker()
    photo, notes = one.chat.attach("photo.png", papers.png()), one.chat.attach("notes.txt", b"blue door")
    first = await one.ask("What is this?", [photo, notes])
    second = await one.ask("And now?")
    assert second.ask.messages[:1] == first.ask.messages
    assert second.roles() == "u a u"
    assert one.chat.fetched == ["photo.png", "notes.txt"]


async def test_what_memory_has_no_room_for_is_fetched_again_and_is_the_same() -> None:
    one = asker(INKSTREAM_FILE_CACHE_MEGABYTES="0")
    notes = one.chat.attach("notes.txt", b"blue door")
    first = await one.ask("What is this?", [notes])
    second = await one.ask("And now?")
    assert second.ask.messages[:1] == first.ask.messages
    assert one.chat.fetched == ["notes.txt", "notes.txt"]


async def test_an_old_file_that_is_gone_is_described_and_nobody_is_told() -> None:
    one = asker(INKSTREAM_FILE_CACHE_MEGABYTES="0")
    notes = one.chat.attach("notes.txt", b"blue door")
    await one.ask("What is this?", [notes])
    one.chat.lose(notes)
    asked = await one.ask("And now?")
    assert asked.ask.messages[0]["content"] == "(notes.txt, no longer available)\n\nAda: What is this?"
    assert asked.remarks == []


async def test_a_file_that_is_gone_is_asked_for_once() -> None:
    one = asker()
    notes = one.chat.attach("notes.txt", b"blue door")
    one.chat.lose(notes)
    asked = await one.ask("What is this?", [notes])
    assert asked.remarks == ["Left out: notes.txt is not there any more."]
    await one.ask("And now?")
    assert one.chat.fetched == ["notes.txt"]


async def test_a_file_that_could_not_be_fetched_is_tried_again_with_the_next_turn() -> None:
    one = asker()
    notes = one.chat.attach("notes.txt", b"blue door")
    one.chat.takes[notes.url] = 10_000.0
    await one.ask("What is this?", [notes])
    one.chat.takes.clear()
    assert "blue door" in (await one.ask("And now?")).words


async def test_what_is_kept_in_memory_is_forgotten_after_an_hour() -> None:
    one = asker()
    notes = one.chat.attach("notes.txt", b"blue door")
    await one.ask("What is this?", [notes])
    await asyncio.sleep(3700)
    await one.ask("And now?")
    assert one.chat.fetched == ["notes.txt", "notes.txt"]


@pytest.mark.parametrize(
    "other",
    [
        Place("fake", "T2", "C1", thread="1"),
        Place("fake", "T1", "C2", thread="1"),
        Place("other", "T1", "C1", thread="1"),
    ],
    ids=["workspace", "channel", "platform"],
)
async def test_the_same_id_elsewhere_is_another_file(other: Place) -> None:
    """Fault 19: nothing of one place is shown in another, not even where ids are equal."""
    one = asker()
    here = one.chat.attach("here.txt", b"secret-here", id_="F1")
    there = one.chat.attach("there.txt", b"secret-word", id_="F1")
    await one.ask("?", [here])
    asked = await one.ask("?", [there], place=other)
    assert "secret-word" in asked.words
    assert "secret-here" not in asked.words


async def test_our_own_uploads_are_not_fed_back() -> None:
    """Fault 20: the answer as a file is the answer once more."""
    one = asker()
    ours = one.chat.attach("answer.md", b"our words")
    one.chat.before = [
        Line(Ref("C1", "1"), ADA, "Hello"),
        Line(Ref("C1", "2"), Person("B1"), "Hi.", ours=True, files=(ours,)),
    ]
    asked = await one.ask("Why?", threaded=True)
    assert one.chat.fetched == []
    assert "answer.md" not in asked.words
    assert asked.roles() == "u a u"


async def test_the_files_of_a_thread_that_the_bot_comes_into_are_read() -> None:
    one = asker()
    notes = one.chat.attach("notes.txt", b"blue door")
    one.chat.before = [Line(Ref("C1", "1"), ADA, "", files=(notes,))]
    assert "blue door" in (await one.ask("What does it say?", threaded=True)).words


async def test_many_turns_with_files_stay_within_one_request() -> None:
    """The oldest go, all turns are still told, and the newest files are always there."""
    one = asker()
    for n in range(15):
        photos = [one.chat.attach(f"{n}-{m}.png", papers.png(n + 1, m + 1)) for m in range(3)]
        asked = await one.ask(f"Question {n}", photos)
        shown = asked.words.count('"image"')
        assert shown <= REQUEST_FILES
        assert f"(attached: {n}-0.png, {n}-1.png, {n}-2.png)" in asked.words
        assert asked.roles() == "u" + " a u" * n
        assert asked.remarks == []
        if n == 14:
            assert "(0-0.png, shown earlier in this conversation but not any more)" in asked.words


loads = st.lists(
    st.builds(attachments._Load, st.integers(0, REQUEST_BYTES), st.integers(0, 10), st.integers(0, 60)),
    min_size=1,
    max_size=30,
)


@given(loads)
def test_a_request_never_has_more_than_it_may(turns: list[attachments._Load]) -> None:
    start = first_shown(turns, pages=100)
    assert start < len(turns)
    total = sum(turns[start:], attachments._Load())
    assert start == len(turns) - 1 or (
        total.bytes <= REQUEST_BYTES and total.files <= REQUEST_FILES and total.pages <= 100
    )


@given(loads)
def test_what_was_dropped_stays_dropped_and_makes_room_for_more(turns: list[attachments._Load]) -> None:
    """Law: files leave seldom and many at once, since each time Claude's cache is lost."""
    starts = [first_shown(turns[: end + 1], pages=100) for end in range(len(turns))]
    assert starts == sorted(starts)
    for end in range(1, len(turns)):
        if starts[end] != starts[end - 1] and starts[end] < end:
            assert attachments._weight(sum(turns[starts[end] : end + 1], attachments._Load()), 100) <= 0.5


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 700), st.booleans()), max_size=60),
    st.integers(0, 2_000),
)
def test_memory_holds_no_more_than_it_may(puts: list[tuple[int, int, bool]], most: int) -> None:
    kept = attachments._Kept(most)
    held: dict[tuple[int, str, int], Document] = {}
    for at, (id_, size, wide) in enumerate(puts):
        key, document = (1, str(id_), 0), Document("a", "text", ("ä" if wide else "a") * size)
        kept.put(key, document, float(at))
        held[key] = document
        assert kept._size <= most
        assert kept._size == sum(attachments._held(found) for found, _ in kept._found.values())
        found = kept.get(key, float(at))
        assert found is None or found is held[key]
