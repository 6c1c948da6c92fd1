"""What of an answer is also attached as files. Pure. Law: a file holds Claude's own words, none of ours.

An answer over a set number of pages is attached whole, as Markdown. Otherwise each block of code over a set size is
attached by itself, named by its language ("main.py"), so that it can be saved without copying it out of a message.
"""

from __future__ import annotations

from collections.abc import Sequence

from markdown_it import MarkdownIt
from pygments.lexers import find_lexer_class_by_name
from pygments.util import ClassNotFound

from bot.files import File

ANSWER = "answer.md"
UPLOADING = 60.0  # seconds for a file of ours; a platform that takes longer has lost it
_MOST = 10  # what Discord takes in one message; more blocks than this are better had as one answer


def whole(text: str) -> File:
    """The answer as one file."""
    return File(ANSWER, "text/markdown", text.encode())


def attached(text: str, pages: int, *, most_pages: int, most_code: int) -> Sequence[File]:
    """The files of an answer that takes so many pages. A threshold of 0: never."""
    if most_pages and pages > most_pages:
        return (whole(text),)
    if not most_code or len(text) <= most_code:
        return ()
    blocks = [
        (token.info.strip().partition(" ")[0], token.content)
        for token in MarkdownIt("commonmark").parse(text)
        if token.type == "fence" and len(token.content) > most_code
    ]
    if len(blocks) > _MOST:
        return (whole(text),)
    files: list[File] = []
    for language, content in blocks:
        number = sum(file.name.endswith(f".{_extension(language)}") for file in files)
        name = f"main{number + 1 if number else ''}.{_extension(language)}"
        files.append(File(name, "text/plain", content.encode()))
    return files


def _extension(language: str) -> str:
    """`py` for python; `txt` where nobody knows."""
    if not language:
        return "txt"
    try:
        patterns = find_lexer_class_by_name(language).filenames
    except ClassNotFound:
        return "txt"
    plain = (pattern.removeprefix("*.") for pattern in patterns if pattern.startswith("*."))
    return next((one for one in plain if one.isalnum()), "txt")
