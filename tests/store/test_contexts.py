"""What Claude is told of a conversation: forks, history from the platform, summaries, changed questions, new beginnings."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace

from bot.ports import Attachment, Line, Person, Ref
from bot.store.store import Store
from tests.store.stage import (
    CHAIN,
    DIRECT,
    HOUR,
    THREAD,
    answer,
    begin,
    exchange,
    question,
    said,
    summarise,
    words,
)

FILE = Attachment("F1", "cat.png", "image/png", 900, "https://files/F1")


def line(
    id_: str,
    text: str,
    *,
    person: str = "U7",
    name: str = "",
    ours: bool = False,
    files: tuple[Attachment, ...] = (),
) -> Line:
    return Line(Ref("C1", id_), Person(person, name), text, ours, files)


# ------------------------------------------------------------------------------------------------ forks


async def test_an_answer_to_an_older_answer_forks_from_there(store: Store) -> None:
    """Replying on Discord to an answer of before: what came after it is not the context of this question."""
    original = await exchange(store, "r1", "a", "one", "answer one", place=CHAIN)
    await exchange(store, "r2", "a", "two", "answer two", place=CHAIN)
    fork = await begin(store, question("k3", "b", place=CHAIN, text="other", upto="r1"), "r3")
    assert fork != original
    assert await words(store, fork) == ["one", "answer one", "other"]
    await answer(store, "r3", "other answer")
    assert await words(store, original) == ["one", "answer one", "two", "answer two"]
    assert await words(store, fork) == ["one", "answer one", "other", "other answer"]
    follow_up = await begin(store, question("k4", "b", place=CHAIN, text="and?"), "r4")
    assert follow_up == fork, "whoever replies there goes on there"


async def test_an_answer_to_the_last_answer_goes_on_in_its_conversation(store: Store) -> None:
    original = await exchange(store, "r1", "a", "one", "answer one", place=CHAIN)
    assert await begin(store, question("k2", "b", place=CHAIN, upto="r1"), "r2") == original


async def test_an_answer_to_one_that_is_still_growing_waits_in_its_conversation(store: Store) -> None:
    """A copy of a conversation would never learn how the answer went on."""
    original = await begin(store, question("k1", "a", place=CHAIN, text="one"), "r1")
    await begin(store, question("k2", "a", place=CHAIN, text="two"), "r2")
    assert await begin(store, question("k3", "b", place=CHAIN, upto="r1"), "r3") == original


async def test_an_answer_to_one_that_is_said_forks_though_its_last_edit_has_yet_to_land(store: Store) -> None:
    """What is asked next does not wait for the buttons of its earlier pages."""
    await begin(store, question("k1", "a", place=CHAIN, text="one"), "r1")
    await store.ended("r1", text="answer one", notice="", turn="whole", tokens={})
    await exchange(store, "r2", "a", "two", "answer two", place=CHAIN)
    fork = await begin(store, question("k3", "b", place=CHAIN, text="other", upto="r1"), "r3")
    assert await words(store, fork) == ["one", "answer one", "other"]


async def test_an_unknown_answer_is_no_reason_not_to_answer(store: Store) -> None:
    original = await exchange(store, "r1", "a", "one", "answer one")
    assert await begin(store, question("k2", "a", upto="no-such"), "r2") == original


async def test_a_fork_of_a_fork_has_all_that_led_to_it(store: Store) -> None:
    await exchange(store, "r1", "a", "one", "answer one", place=CHAIN)
    await exchange(store, "r2", "a", "two", "answer two", place=CHAIN)
    await exchange(store, "r3", "b", "three", "answer three", place=CHAIN, upto="r1")
    await exchange(store, "r4", "b", "four", "answer four", place=CHAIN)
    fork = await begin(store, question("k5", "c", place=CHAIN, text="five", upto="r3"), "r5")
    assert await words(store, fork) == ["one", "answer one", "three", "answer three", "five"]


async def test_changing_a_question_changes_no_fork_that_was_made_of_it(store: Store) -> None:
    original = await exchange(store, "r1", "a", "one", "answer one")
    await exchange(store, "r2", "a", "two", "answer two")
    fork = await begin(store, question("k3", "b", text="three", upto="r1"), "r3")
    await store.replace_question("r1", "changed")
    await store.again("r1", model="m")
    assert await words(store, fork) == ["one", "answer one", "three"]
    assert await words(store, original) == ["changed", "two", "answer two"]


async def test_a_direct_reply_to_an_old_answer_goes_on_after_any_silence(store: Store) -> None:
    first = await exchange(store, "r1", "direct", "one", "answer", place=DIRECT)
    later = question("k2", "direct", place=DIRECT, upto="r1")
    assert await begin(store, later, "r2", now=1000.0 + 20 * HOUR) == first


# ------------------------------------------------------------------------------------------------ imported history


async def test_what_stood_on_the_platform_comes_before_the_question(store: Store) -> None:
    conversation = await begin(store, question("k1", "a", text="so?", message=Ref("C1", "9")), "r1")
    assert await store.is_new(conversation)
    lines = [
        line("1", "shall we?", person="U7", name="Ada"),
        line("2", "", files=(FILE,)),
        line("3", "  "),
        line("4", "an old answer", ours=True),
        line("9", "so?", person="U1"),
    ]
    assert await store.import_lines(conversation, lines)
    told = await store.turns(conversation)
    assert [(turn.role, turn.name, turn.text) for turn in told] == [
        ("user", "Ada", "shall we?"),
        ("user", "Ada", ""),
        ("assistant", "", "an old answer"),
        ("user", "", "so?"),
    ], "the empty line and the question itself are not said twice"
    assert told[1].files == (FILE,)
    assert not await store.is_new(conversation)


async def test_history_is_imported_once(store: Store) -> None:
    conversation = await begin(store, question("k1", "a", text="so?"), "r1")
    assert await store.import_lines(conversation, [line("1", "before")])
    assert not await store.import_lines(conversation, [line("1", "before")])
    assert await words(store, conversation) == ["before", "so?"]


async def test_a_conversation_with_answers_imports_nothing(store: Store) -> None:
    conversation = await exchange(store, "r1", "a", "one", "answer")
    assert not await store.import_lines(conversation, [line("1", "before")])
    assert await words(store, conversation) == ["one", "answer"]


async def test_two_first_questions_at_once_import_the_history_once_and_before_both(store: Store) -> None:
    conversation = await begin(store, question("k1", "a", text="one", message=Ref("C1", "8")), "r1")
    await begin(store, question("k2", "a", text="two", message=Ref("C1", "9")), "r2")
    await store.import_lines(conversation, [line("1", "before"), line("8", "one"), line("9", "two")])
    await store.import_lines(conversation, [line("1", "before"), line("8", "one"), line("9", "two")])
    assert await words(store, conversation) == ["before", "one", "two"]
    assert await words(store, conversation, before="r1") == ["before", "one"]


# ------------------------------------------------------------------------------------------------ summaries


async def test_a_summary_stands_for_all_before_it(store: Store) -> None:
    conversation = await begin(store, question("k0", "a", text="zero"), "r0")
    await store.import_lines(conversation, [line("1", "before")])
    await answer(store, "r0", "answer zero")
    await exchange(store, "r1", "a", "one", "answer one")
    await exchange(store, "r2", "a", "two", "answer two")
    await summarise(store, conversation, "r1", "they spoke")
    told = await store.turns(conversation)
    assert [(turn.state, turn.text) for turn in told] == [
        ("summary", "they spoke"),
        ("whole", "two"),
        ("whole", "answer two"),
    ]
    await exchange(store, "r3", "a", "three", "answer three")
    await summarise(store, conversation, "r2", "they spoke on")
    assert await words(store, conversation) == ["they spoke on", "three", "answer three"]


async def test_an_older_question_is_asked_again_with_its_own_words_before_it(store: Store) -> None:
    conversation = await exchange(store, "r1", "a", "one", "answer one")
    await exchange(store, "r2", "a", "two", "answer two")
    await exchange(store, "r3", "a", "three", "answer three")
    await summarise(store, conversation, "r2", "summary")
    assert await words(store, conversation, before="r3") == ["summary", "three"]
    assert await words(store, conversation, before="r2") == ["one", "answer one", "two"]


async def test_a_fork_in_the_midst_of_what_was_summarised_has_the_words(store: Store) -> None:
    conversation = await exchange(store, "r1", "a", "one", "answer one")
    await exchange(store, "r2", "a", "two", "answer two")
    await exchange(store, "r3", "a", "three", "answer three")
    await summarise(store, conversation, "r2", "summary")
    await exchange(store, "r4", "a", "four", "answer four")

    async def fork(upto: str) -> list[str]:
        again = question(f"again-{upto}", f"fork-{upto}", text="again", upto=upto)
        return await words(store, await begin(store, again, f"r-{upto}"))

    assert await fork("r1") == ["one", "answer one", "again"]
    assert await fork("r2") == ["one", "answer one", "two", "answer two", "again"]
    assert await fork("r3") == ["summary", "three", "answer three", "again"]


async def _summarised(store: Store) -> int:
    """Four exchanges, of which a summary stands for three, made of an earlier one for the first."""
    conversation = await exchange(store, "r1", "a", "one", "answer one")
    await exchange(store, "r2", "a", "two", "answer two")
    await summarise(store, conversation, "r1", "first")
    await exchange(store, "r3", "a", "three", "answer three")
    await exchange(store, "r4", "a", "four", "answer four")
    await summarise(store, conversation, "r3", "second")
    assert await words(store, conversation) == ["second", "four", "answer four"]
    return conversation


LAST = ["four", "answer four"]


async def test_a_question_that_is_changed_is_told_in_its_new_words_and_no_summary_has_the_old_ones(
    store: Store,
) -> None:
    conversation = await _summarised(store)
    await store.replace_question("r2", "two, but blue")
    assert await words(store, conversation) == [
        "first", "two, but blue", "answer two", "three", "answer three", *LAST
    ]  # fmt: skip
    await store.replace_question("r1", "one, but blue")
    assert (await words(store, conversation))[:2] == ["one, but blue", "answer one"]


async def test_an_answer_that_is_generated_anew_is_in_no_summary(store: Store) -> None:
    conversation = await _summarised(store)
    await store.again("r3", model="m")
    assert await words(store, conversation) == ["first", "two", "answer two", "three", *LAST]
    await answer(store, "r3", "better")
    assert (await words(store, conversation))[-3:] == ["better", *LAST]


async def test_an_answer_that_is_taken_away_is_in_no_summary(store: Store) -> None:
    conversation = await _summarised(store)
    await store.forget_exchange("r1")
    assert await words(store, conversation) == ["two", "answer two", "three", "answer three", *LAST]


async def test_what_comes_after_a_summary_may_change_and_it_stays(store: Store) -> None:
    conversation = await _summarised(store)
    await store.replace_question("r4", "four, but blue")
    await store.again("r4", model="m")
    assert await words(store, conversation) == ["second", "four, but blue"]


async def test_a_question_that_claude_had_refused_comes_back_out_of_a_summary(store: Store) -> None:
    conversation = await exchange(store, "r1", "a", "one", "answer one")
    await begin(store, question("k2", "a", text="two"), "r2")
    await answer(store, "r2", "no", "refused")
    await exchange(store, "r3", "a", "three", "answer three")
    await exchange(store, "r4", "a", "four", "answer four")
    await summarise(store, conversation, "r3", "one and three")
    await store.again("r2", model="m")
    assert await words(store, conversation) == [
        "one", "answer one", "two", "three", "answer three", *LAST
    ]  # fmt: skip


async def test_a_summary_of_what_was_changed_while_it_was_made_is_not_kept(store: Store) -> None:
    """And one of words that their author had forgotten meanwhile, least of all."""
    conversation = await exchange(store, "r1", "a", "one", "answer one", person="U-eva")
    await exchange(store, "r2", "a", "two", "answer two", person="U-ada")
    await exchange(store, "r3", "a", "three", "answer three", person="U-ada")

    async def made_while(change: Awaitable[object]) -> bool:
        told = (await store.turns(conversation, before="r3"))[:-1]
        await change
        return await store.summarised(conversation, told, "EVA said", before="r3")

    assert not await made_while(store.replace_question("r2", "two, but blue"))
    assert not await made_while(store.again("r2", model="m"))
    await answer(store, "r2", "answer two")
    assert not await made_while(store.forget_person("slack", None, "U-eva"))
    assert await words(store, conversation) == [
        "two, but blue", "answer two", "three", "answer three"
    ]  # fmt: skip
    assert await made_while(store.named(THREAD, "U-ada", "Ada")), "a name is no change of words"
    assert await words(store, conversation) == ["EVA said", "three", "answer three"]
    assert not await made_while(store.forget_exchange("r2")), "a summary is told, too"
    assert not await made_while(store.forget_person("slack", None, "U-ada")), "nor is there a conversation"


# ------------------------------------------------------------------------------------------------ changes


async def test_a_changed_question_is_told_as_it_is_now(store: Store) -> None:
    conversation = await exchange(store, "r1", "a", "one", "answer one", files=(FILE,))
    assert await store.replace_question("r1", "one, but blue")
    assert await said(store, conversation) == [("user", "one, but blue"), ("assistant", "answer one")]
    assert (await store.turns(conversation))[0].files == (FILE,)
    assert await store.replace_question("r1", "none", ())
    assert (await store.turns(conversation))[0].files == ()
    assert not await store.replace_question("gone", "x")


async def test_a_deleted_exchange_is_not_told_again(store: Store) -> None:
    conversation = await exchange(store, "r1", "a", "one", "answer one")
    await exchange(store, "r2", "a", "two", "answer two")
    await store.forget_exchange("r1")
    assert await words(store, conversation) == ["two", "answer two"]


# ------------------------------------------------------------------------------------------------ new beginnings


async def test_a_new_conversation_begins_where_the_old_one_was(store: Store) -> None:
    old = await exchange(store, "r1", "thread", "one", "answer one")
    new = await store.begin_anew(THREAD, ["thread"])
    assert await begin(store, question("k2", "thread", text="fresh"), "r2") == new != old
    assert await words(store, new) == ["fresh"]
    assert not await store.is_new(new), "what stands in the thread is what was to be left behind"
    assert not await store.import_lines(new, [line("1", "one")])


async def test_an_answer_that_still_grows_does_not_bring_the_old_conversation_back(store: Store) -> None:
    await begin(store, question("k1", "thread", text="one"), "r1")
    new = await store.begin_anew(THREAD, ["thread"])
    await store.posted("r1", [Ref("C1", "p1")], THREAD, ["page", "thread"])
    assert await store.conversation_of(["thread"]) == new
    assert await store.conversation_of(["page"]) != new


async def test_a_place_without_a_conversation_can_begin_anew_too(store: Store) -> None:
    new = await store.begin_anew(replace(THREAD, thread="9"), ["thread9"])
    assert await store.conversation_of(["thread9"]) == new
    assert await store.conversation_of(["elsewhere"]) is None


async def test_questions_of_bots_are_counted_until_a_person_asks(store: Store) -> None:
    bots = {"B1", "B2"}
    assert await store.answers_to(["a"], bots) == 0
    for number, person in enumerate(["B1", "U1", "B1", "B2", "B1"]):
        await exchange(store, f"r{number}", "a", "?", "!", person=person)
    assert await store.answers_to(["a"], bots) == 3
    assert await store.answers_to(["b"], bots) == 0
    await exchange(store, "r9", "a", "?", "!", person="U1")
    assert await store.answers_to(["a"], bots) == 0
