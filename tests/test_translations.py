"""The bot's own words in other languages: nothing is missing, and nothing is said that nobody says."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from bot import sentences
from bot.translations import LANGUAGES, NAMES, known, say, wait

SENTENCES = {
    name: value for name, value in vars(sentences).items() if name.isupper() and isinstance(value, str)
}


def placeholders(sentence: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", sentence))


@pytest.mark.parametrize("language", set(LANGUAGES) - {"en"})
@pytest.mark.parametrize("name", SENTENCES)
def test_every_sentence_is_translated_with_the_same_blanks(language: str, name: str) -> None:
    """Law: what people see is in one catalogue, in every language that is offered."""
    sentence = SENTENCES[name]
    translated = LANGUAGES[language].get(sentence)
    assert translated, f"{name} has no translation to {NAMES[language]}"
    assert placeholders(translated) == placeholders(sentence)


@cache
def said() -> set[str]:
    """The names of the sentences that the house says."""
    paths = (path for house in ("bot", "adapters") for path in Path(house).rglob("*.py"))
    sources = (path.read_text() for path in paths if path.name != "german.py")
    return {name for source in sources for name in re.findall(r"\bsentences\.(\w+)\b", source)}


@pytest.mark.parametrize("name", SENTENCES)
def test_every_sentence_is_said_somewhere(name: str) -> None:
    """A sentence that nobody uses would be translated for ever."""
    assert name in said()


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de", "de"), ("de-DE", "de"), ("de_AT", "de"), ("en-US", "en"), ("", "en"), ("xx", "en"), ("DE", "de")],
)
def test_a_locale_is_known_by_its_first_part(locale: str, language: str) -> None:
    assert known(locale) == language


def test_a_length_of_time_is_told_as_people_say_it() -> None:
    assert [wait("en", seconds) for seconds in (0.2, 30, 90, 7200)] == [
        "a second",
        "30 seconds",
        "2 minutes",
        "2 hours",
    ]
    assert say("de-CH", sentences.RATE_LIMITED, wait=wait("de", 300)).endswith("in 5 Minuten wieder.")
