"""Office documents, in real processes: what they say, and that the bad ones hurt nobody."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from bot.claude import office_reader
from bot.claude.office import Office
from tests.claude import papers

READER = Path(office_reader.__file__)


@pytest.mark.parametrize(
    ("data", "mime", "text"),
    [
        (
            papers.docx(papers.paragraph("Hello") + papers.paragraph("again")),
            papers.DOCX,
            "Hello\n\nagain",
        ),
        (papers.xlsx(), papers.XLSX, "## Costs\n\n| paint | 42 |\n| --- | --- |"),
        (papers.odt(), papers.ODT, "# Title\n\nWords"),
        (papers.RTF, "application/rtf", "Rich **bold** words.\n\nNext"),
    ],
    ids=["docx", "xlsx", "odt", "rtf"],
)
async def test_a_document_becomes_markdown(data: bytes, mime: str, text: str) -> None:
    told = await Office().markdown(data, mime, characters=1_000)
    assert told is not None
    assert told.strip() == text


async def test_no_more_is_said_than_was_wanted() -> None:
    data = papers.docx(papers.paragraph("ä" * 5_000))
    assert await Office().markdown(data, papers.DOCX, characters=100) == "ä" * 100


@cache
def bomb() -> bytes:
    """Packed where it is tried, not wherever tests are collected: it is 150 MB."""
    return papers.docx(papers.paragraph("x" * 1_000) * 150_000)


DEEP = papers.docx("<w:tbl><w:tr><w:tc>" * 5_000 + "</w:tc></w:tr></w:tbl>" * 5_000)
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
SWELLS = papers.docx(papers.paragraph("&a9;"), before=f'<!DOCTYPE x [<!ENTITY a0 "lol">{LAUGHS}]>')
READS = papers.docx(papers.paragraph("&e;"), before='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>')


@pytest.mark.parametrize(
    "data",
    [b"", b"garbage", papers.docx()[:300], bomb, DEEP, SWELLS, READS, papers.compound("WordDocument")],
    ids=["empty", "garbage", "cut", "zip bomb", "deep", "entities", "outside entity", "no real one"],
)
async def test_a_bad_document_says_nothing_and_hurts_nobody(data: bytes | Callable[[], bytes]) -> None:
    assert len(bomb()) < 1_000_000, "small on the way in"
    sent = data() if callable(data) else data
    told = await Office().markdown(sent, papers.DOCX, characters=1_000)
    assert told is None or len(told) < 100
    assert "root:" not in (told or "")


LINUX = pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="only Linux tells which processes there are"
)


@LINUX
async def test_a_document_that_takes_too_long_is_given_up_and_its_process_ended() -> None:
    begun = time.monotonic()
    assert await Office(seconds=0.05).markdown(papers.docx(), papers.DOCX, characters=100) is None
    assert time.monotonic() - begun < 5
    assert not _readers()


@pytest.mark.long
async def test_one_who_comes_behind_slow_documents_does_not_wait_for_ever() -> None:
    office = Office(queue=0.05)
    both = [asyncio.create_task(office.markdown(bomb(), papers.DOCX, characters=100)) for _ in range(2)]
    await asyncio.sleep(0)
    begun = time.monotonic()
    assert await office.markdown(papers.docx(papers.paragraph("x")), papers.DOCX, characters=100) is None
    assert time.monotonic() - begun < 1
    await asyncio.gather(*both)
    told = await office.markdown(papers.docx(papers.paragraph("x")), papers.DOCX, characters=100)
    assert told is not None, "there is room again"


@LINUX
async def test_a_cancelled_reading_leaves_no_process_behind() -> None:
    reading = asyncio.create_task(Office().markdown(bomb(), papers.DOCX, characters=100))
    while not _readers():  # noqa: ASYNC110 - a process can be seen, not waited for
        await asyncio.sleep(0.001)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not _readers()


def _readers() -> list[int]:
    """Processes of ours that read a document at this moment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            told = (entry / "cmdline").read_bytes()
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
        except (OSError, IndexError):
            continue
        if told and str(READER).encode() in told and int(parent) == os.getpid():
            found.append(int(entry.name))
    return found


_LOCKED = f"""
import runpy, socket, sys
reader = runpy.run_path({str(READER)!r}, run_name="reader")
reader["_bound"]()
import kreuzberg
reader["_shut"]()
failed = []
for attempt in (lambda: open("/etc/hostname"), lambda: socket.socket(), lambda: open(sys.argv[1], "w")):
    try:
        attempt()
    except OSError as error:
        failed.append(error.errno)
print(failed)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits on Windows")
def test_a_reader_can_open_neither_a_file_nor_a_connection(tmp_path: Path) -> None:
    """Whatever a document talks its parser into: EMFILE, three times."""
    told = subprocess.run(
        [sys.executable, "-I", "-c", _LOCKED, str(tmp_path / "written")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout.strip() == "[24, 24, 24]"
    assert not (tmp_path / "written").exists()
