"""The buttons under an answer: which, and what stands on them. Law: what can still be done with an answer, one can press."""

from __future__ import annotations

from bot import sentences
from bot.ports import Confirmation, Control
from bot.reply.nouns import Turn
from bot.translations import say

_LABELS = {
    Control.STOP: sentences.STOP,
    Control.REGENERATE: sentences.REGENERATE,
    Control.CONTINUE: sentences.CONTINUE,
    Control.GOOD: sentences.GOOD,
    Control.BAD: sentences.BAD,
    Control.FILE: sentences.AS_FILE,
    Control.DELETE: sentences.DELETE,
}


def label(language: str, control: Control) -> str:
    """What stands on a button."""
    return say(language, _LABELS[control])


def sure(language: str) -> Confirmation:
    """What is asked before an answer is deleted."""
    return Confirmation(say(language, sentences.DELETE_QUESTION), say(language, sentences.DELETE_KEEP))


def controls_after(turn: Turn, text: str) -> tuple[Control, ...]:
    """The buttons under an answer that has ended."""
    if turn == "refused" or not text.strip():
        return (Control.REGENERATE, Control.DELETE)
    if turn == "partial":
        return (Control.CONTINUE, Control.REGENERATE, Control.FILE, Control.DELETE)
    return (Control.REGENERATE, Control.GOOD, Control.BAD, Control.FILE, Control.DELETE)
