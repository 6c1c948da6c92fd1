"""What the bot says, in the asker's language. Law: the English sentence is the key; what has no translation stays English.

A language is what a platform calls a person's locale ("de", "de-DE", "pt_BR"); only its first part counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot import sentences
from bot.translations.german import GERMAN

LANGUAGES: Mapping[str, Mapping[str, str]] = {"en": {}, "de": GERMAN}
NAMES: Mapping[str, str] = {"en": "English", "de": "Deutsch"}


def say(language: str, sentence: str, **values: object) -> str:
    """One of `bot.sentences` in this language, filled in."""
    translated = LANGUAGES[known(language)].get(sentence, sentence)
    return translated.format(**values) if values else translated


def wait(language: str, seconds: float) -> str:
    """A length of time as people say it: `wait("en", 90)` is "2 minutes"."""
    if seconds < 90:
        if seconds <= 1:
            return say(language, sentences.A_SECOND)
        return say(language, sentences.SECONDS, number=max(1, round(seconds)))
    if seconds < 5400:
        return say(language, sentences.MINUTES, number=round(seconds / 60))
    return say(language, sentences.HOURS, number=round(seconds / 3600))


def known(language: str) -> str:
    """The language among LANGUAGES that a locale means; English for all others."""
    first = re.split(r"[-_]", language, maxsplit=1)[0].lower()
    return first if first in LANGUAGES else "en"
