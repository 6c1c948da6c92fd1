"""People's files, fetched and made ready for Claude. Law: what one conversation was given is shown in no other, and the
same files are shown in the same way with every later turn, so that Claude's cache holds.

A turn's files are chosen by rules that look at that turn alone. Where all of them together are too many for a request,
the oldest turns' go, and then at once so many that the next few questions need not drop any.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from bot import sentences
from bot.claude import documents
from bot.claude.documents import Document, Foreign, Unreadable
from bot.claude.office import Office
from bot.ports import Attachment, Platform, Unread
from bot.settings import Settings
from bot.store.nouns import Said
from bot.translations import say

log = logging.getLogger(__name__)

Shown: TypeAlias = Document | str
"""A file as it stands in a turn: ready for Claude, or words in its place."""
Found: TypeAlias = Document | Unreadable | Unread

# A request has 32 MB. Base64 makes four bytes of three: so much of files leaves more than four for words.
REQUEST_BYTES: Final = 20 << 20
# Up to here an image may have 8,000 pixels a side.
REQUEST_FILES: Final = documents.IMAGES
# Somebody waits, and sees that the bot is thinking.
_DOWNLOAD_SECONDS: Final = 30.0
# Of the whole process. With eight, a hundred questions with two slow files each had some wait past their time.
_DOWNLOADS_AT_ONCE: Final = 64
_KEPT_SECONDS: Final = 3600.0
_LEAST: Final = 256  # what a remembered refusal counts
_NAMES_TOLD: Final = 3
_LONGEST_NAME: Final = 60

_GONE = "({name}, no longer available)"
_OLD = "({name}, shown earlier in this conversation but not any more)"
_NOT_READ = "({name}, which could not be read)"
_NOT_TAKEN = "({name}, not shown)"
_CUT = "(the rest of {name} is left out)"

_WHY_UNREAD: dict[str, str] = {
    "denied": sentences.FILE_DENIED,
    "foreign": sentences.FILE_UNAVAILABLE,
    "gone": sentences.FILE_GONE,
    "unavailable": sentences.FILE_UNAVAILABLE,
}
_WHY_UNREADABLE: dict[documents.Why, str] = {
    "unknown": sentences.FILE_UNKNOWN,
    "broken": sentences.FILE_BROKEN,
    "denied": sentences.FILE_DENIED,
    "locked": sentences.FILE_LOCKED,
    "empty": sentences.FILE_EMPTY,
    "large": sentences.FILE_TOO_LARGE,
    "wide": sentences.FILE_TOO_WIDE,
    "long": sentences.FILE_TOO_LONG,
}


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """An image or a PDF that Claude is shown, of the turn with this number."""

    turn: int
    attachment: Attachment
    document: Document


@dataclass(slots=True)
class Attached:
    """What Claude is shown of the files of some turns, turn by turn, and what its asker is to know of it.

    seen      the images and PDFs among them
    left_out  of the question's files: sentence, name, limit
    too_many  names of the question's files that there was no room for
    cut       names of those that were read in part
    """

    shown: list[tuple[Shown, ...]]
    seen: list[Seen] = field(default_factory=list)
    left_out: list[tuple[str, str, str]] = field(default_factory=list)
    too_many: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)

    def told(self, language: str) -> str:
        """One sentence or two for under the answer; "" where all was read."""
        reasons = [
            say(language, sentence, name=_brief(name), limit=limit)
            for sentence, name, limit in self.left_out[:_NAMES_TOLD]
        ]
        rest = [*(name for _, name, _ in self.left_out[_NAMES_TOLD:])]
        if rest:
            reasons.append(_listed(rest))
        if self.too_many:
            reasons.append(say(language, sentences.FILE_TOO_MANY, names=_listed(self.too_many)))
        said = [say(language, sentences.FILES_LEFT_OUT, reasons="; ".join(reasons))] if reasons else []
        if self.cut:
            said.append(say(language, sentences.FILES_CUT, names=_listed(self.cut)))
        return " ".join(said)


class Attachments:
    """One for the process."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.files_at_once
        self._bytes = int(settings.file_megabytes * (1 << 20))
        self._pages = settings.file_pages
        self._characters = settings.file_characters
        self._office = Office()
        self._room = asyncio.Semaphore(_DOWNLOADS_AT_ONCE)
        self._kept = _Kept(int(settings.file_cache_megabytes * (1 << 20)))

    async def of(
        self, platform: Platform, turns: Sequence[Said], *, conversation: int, question: str
    ) -> Attached:
        """The files of these turns. `question`: the reply whose question's asker is told what was left out."""
        loads = [_told_load(self._chosen(turn), self._bytes) for turn in turns]
        start = first_shown(loads)
        wanted = [
            (at, attachment)
            for at, turn in enumerate(turns)
            if at >= start
            for attachment in self._chosen(turn)
        ]
        until = asyncio.get_running_loop().time() + _DOWNLOAD_SECONDS
        # Cancelled together with whoever asks.
        async with asyncio.TaskGroup() as group:
            fetching = [
                (at, group.create_task(self._one(platform, conversation, attachment, until)))
                for at, attachment in wanted
            ]
        found: dict[int, list[Found]] = {}
        for at, task in fetching:
            found.setdefault(at, []).append(task.result())
        attached = Attached([])
        real: list[_Load] = []
        for at, turn in enumerate(turns):
            asked = turn.reply == question
            fetched = found.get(at, []) if at >= start else None
            shown, load = self._shown(turn, fetched, attached if asked else None)
            attached.shown.append(shown)
            real.append(load)
            attached.seen += _seen(at, _files(turn), fetched or ())
        # Sizes that a platform had not told, and pages, are known only now.
        for at in range(max(start, first_shown(real, pages=self._pages))):
            attached.shown[at] = tuple(_words(_OLD, file) for file in _files(turns[at]))
        return attached

    def refused(self, conversation: int, seen: Sequence[Seen], language: str) -> str:
        """Claude does not take these: they are not shown again. Returns what the asker is to know."""
        now = asyncio.get_running_loop().time()
        for one in seen:
            log.warning(
                "file.refused", extra={"kind": one.document.kind, "characters": len(one.document.data)}
            )
            if one.attachment.id:
                self._kept.put(_key(conversation, one.attachment), Unreadable("broken"), now)
        names = [one.attachment.name for one in seen]
        return Attached([], left_out=[(sentences.FILE_BROKEN, name, "") for name in names]).told(language)

    def _chosen(self, turn: Said) -> list[Attachment]:
        """Which of a turn's files are fetched at all."""
        chosen: list[Attachment] = []
        size = 0
        for file in _files(turn):
            if len(chosen) == self._most or size + file.size > REQUEST_BYTES:
                break
            chosen.append(file)
            size += file.size if file.size <= self._bytes else 0
        return chosen

    def _shown(
        self, turn: Said, found: Sequence[Found] | None, attached: Attached | None
    ) -> tuple[tuple[Shown, ...], _Load]:
        """A turn's files in their order. `attached`: where it is noted what its asker is to know."""
        files, shown = _files(turn), list[Shown]()
        load, characters = _Load(), self._characters
        if found is None:
            return tuple(_words(_OLD, file) for file in files), load
        for file, one in zip(files, found, strict=False):
            match one:
                case Document(kind="text") if characters > 0:
                    shown.append(replace(one, data=one.data[:characters]))
                    if len(one.data) > characters:
                        shown.append(_words(_CUT, file))
                        if attached is not None:
                            attached.cut.append(file.name)
                    characters -= len(one.data)
                    load += _Load(len(one.data.encode()))
                case Document() if one.kind != "text" and self._fits(load + _load(one)):
                    shown.append(one)
                    load += _load(one)
                case Document():
                    shown.append(_words(_NOT_TAKEN, file))
                    if attached is not None:
                        attached.too_many.append(file.name)
                case Unread(reason="gone"):
                    shown.append(_words(_GONE, file))
                    if attached is not None:
                        attached.left_out.append((sentences.FILE_GONE, file.name, ""))
                case _:
                    shown.append(_words(_NOT_READ, file))
                    if attached is not None:
                        attached.left_out.append(self._reason(one, file))
        for file in files[len(found) :]:
            shown.append(_words(_NOT_TAKEN, file))
            if attached is not None:
                attached.too_many.append(file.name)
        return tuple(shown), load

    def _fits(self, load: _Load) -> bool:
        return load.bytes <= REQUEST_BYTES and load.pages <= self._pages

    def _reason(self, one: Unread | Unreadable, file: Attachment) -> tuple[str, str, str]:
        if isinstance(one, Unreadable):
            limit = _size(one.limit) if one.why == "large" else f"{one.limit:,}"
            return _WHY_UNREADABLE[one.why], file.name, limit
        if one.reason == "too_large":
            return sentences.FILE_TOO_LARGE, file.name, _size(self._bytes)
        return _WHY_UNREAD[one.reason], file.name, ""

    # ------------------------------------------------------------------------------------------ one file

    async def _one(
        self, platform: Platform, conversation: int, attachment: Attachment, until: float
    ) -> Found:
        now = asyncio.get_running_loop().time
        key = _key(conversation, attachment)
        known = self._kept.get(key, now()) if attachment.id else None
        if known is not None:
            return known
        found = await self._fetched(platform, attachment, until)
        lasting = not isinstance(found, Unread) or found.reason == "gone"
        if attachment.id and lasting:
            self._kept.put(key, found, now())
        return found

    async def _fetched(self, platform: Platform, attachment: Attachment, until: float) -> Found:
        if attachment.size > self._bytes:
            return Unread("too_large")
        try:
            async with asyncio.timeout_at(until), self._room:
                file = await platform.download(attachment, limit=self._bytes)
        except TimeoutError:
            file = Unread("unavailable", "slow")
        except Exception:
            # An adapter's verbs do not raise; an answer without this file is better than none.
            log.exception("file.failed", extra={"platform": platform.profile.name})
            return Unread("unavailable", "internal")
        if isinstance(file, Unread):
            log.info("file.unread", extra={"reason": file.reason, "code": file.code})
            return file
        found = await asyncio.to_thread(documents.recognise, file, pages=self._pages)
        if isinstance(found, Foreign):
            text = await self._office.markdown(file.data, found.mime, characters=self._characters + 1)
            if text is None:
                return Unreadable("broken")
            if not text.strip():
                return Unreadable("empty")
            return documents.as_text(file.name, text, "text/markdown")
        if isinstance(found, Unreadable):
            log.info("file.unreadable", extra={"why": found.why, "bytes": len(file.data)})
        elif found.kind == "text":
            # One more than is shown: it tells that there was more.
            return replace(found, data=found.data[: self._characters + 1])
        return found


# ---------------------------------------------------------------------------------------------------- what fits


@dataclass(frozen=True, slots=True)
class _Load:
    bytes: int = 0
    files: int = 0
    pages: int = 0

    def __add__(self, other: _Load) -> _Load:
        return _Load(self.bytes + other.bytes, self.files + other.files, self.pages + other.pages)

    def __sub__(self, other: _Load) -> _Load:
        return _Load(self.bytes - other.bytes, self.files - other.files, self.pages - other.pages)


def first_shown(loads: Sequence[_Load], *, pages: int = 0) -> int:
    """The first turn whose files a request still has; the last turn's are always in it.

    Played through from the first turn on, so that the answer depends on the turns alone: once they are too much, as
    many go as leave half of the room, and the same ones are in every request until that is full again.
    """
    start, total = 0, _Load()
    for at, load in enumerate(loads):
        total += load
        if _weight(total, pages) <= 1.0:
            continue
        while start < at and _weight(total, pages) > 0.5:
            total -= loads[start]
            start += 1
    return start


def _weight(total: _Load, pages: int) -> float:
    """How full a request is, 1.0 being full."""
    return max(
        total.bytes / REQUEST_BYTES, total.files / REQUEST_FILES, total.pages / pages if pages else 0.0
    )


def _told_load(files: Sequence[Attachment], limit: int) -> _Load:
    """By what the platform says of them; a file of unknown size may have the largest."""
    sizes = [file.size or limit for file in files if file.size <= limit]
    return _Load(sum(sizes), len(sizes))


def _load(document: Document) -> _Load:
    return _Load(len(document.data) * 3 // 4, 1, document.pages)


def _files(turn: Said) -> tuple[Attachment, ...]:
    """Only people's: what the bot itself has uploaded is its own words once more."""
    return turn.files if turn.role == "user" else ()


def _seen(at: int, files: Sequence[Attachment], found: Sequence[Found]) -> list[Seen]:
    return [
        Seen(at, file, one)
        for file, one in zip(files, found, strict=False)
        if isinstance(one, Document) and one.kind != "text"
    ]


# ---------------------------------------------------------------------------------------------------- words


def unread(file: Attachment) -> str:
    """What stands in the place of a file that could not be read."""
    return _words(_NOT_READ, file)


def _words(sentence: str, file: Attachment) -> str:
    return sentence.format(name=documents.named(file.name))


def _brief(name: str) -> str:
    plain = documents.named(name)
    return plain if len(plain) <= _LONGEST_NAME else f"{plain[:40]}…{plain[-15:]}"


def _listed(names: Sequence[str]) -> str:
    told = ", ".join(_brief(name) for name in names[:_NAMES_TOLD])
    return f"{told} …" if len(names) > _NAMES_TOLD else told


def _size(number: int) -> str:
    """Bytes as people say them."""
    return f"{number / (1 << 20):.3g} MB" if number >= 1 << 20 else f"{number / 1024:.3g} KB"


# ---------------------------------------------------------------------------------------------------- memory


_Key: TypeAlias = tuple[int, str, int]


def _key(conversation: int, attachment: Attachment) -> _Key:
    """An id is a platform's own; a conversation is of one place, so that no two places could ever meet in a key."""
    return conversation, attachment.id, attachment.size


class _Kept:
    """Files that were made ready, the least recently used going first; never more than `most` bytes of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._found: OrderedDict[_Key, tuple[Found, float]] = OrderedDict()

    def get(self, key: _Key, now: float) -> Found | None:
        known = self._found.get(key)
        if known is None:
            return None
        found, at = known
        if now - at > _KEPT_SECONDS:
            self._drop(key)
            return None
        self._found.move_to_end(key)
        return found

    def put(self, key: _Key, found: Found, now: float) -> None:
        if key in self._found:
            self._drop(key)
        if _held(found) > self._most:
            return
        self._found[key] = (found, now)
        self._size += _held(found)
        while self._size > self._most:
            self._drop(next(iter(self._found)))

    def _drop(self, key: _Key) -> None:
        found, _ = self._found.pop(key)
        self._size -= _held(found)


def _held(found: Found) -> int:
    if not isinstance(found, Document):
        return _LEAST
    # A text with one wide letter takes two or four bytes for each.
    return _LEAST + len(found.data) * (1 if found.data.isascii() else 4)
