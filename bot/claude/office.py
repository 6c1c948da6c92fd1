"""Word, Excel, PowerPoint and their like -> Markdown. Law: somebody else's file is parsed in a process of its own, and
what becomes of that process is never more than "it could not be read".

A parser can neither be stopped nor bounded inside this process, and a crash in its native code would take every growing
answer along. One document costs about 0.4 s and 50 MB (measured on two cores), so two are read at a time at most.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

_READER: Final = Path(__file__).with_name("office_reader.py")
_SECONDS: Final = 10.0
_AT_ONCE: Final = 2
# Behind documents that take all their time; somebody waits for the answer.
_QUEUE_SECONDS: Final = 30.0
# What Windows needs to start any process; elsewhere the reader is told nothing of our environment.
_ENVIRONMENT: Final = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}


class Office:
    """One for the process."""

    def __init__(self, *, seconds: float = _SECONDS, queue: float = _QUEUE_SECONDS) -> None:
        self._seconds = seconds
        self._queue = queue
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def markdown(self, data: bytes, mime: str, *, characters: int) -> str | None:
        """Its text as Markdown, at most so many characters of it; None where it cannot be read."""
        try:
            async with asyncio.timeout(self._queue):
                await self._room.acquire()
        except TimeoutError:
            log.warning("office.busy", extra={"mime": mime, "bytes": len(data)})
            return None
        try:
            async with asyncio.timeout(self._seconds):
                return await _read(data, mime, characters)
        except TimeoutError:
            log.info("office.too_slow", extra={"mime": mime, "bytes": len(data)})
        except OSError as error:
            log.warning("office.not_started", extra={"error": type(error).__name__})
        finally:
            self._room.release()
        return None


async def _read(data: bytes, mime: str, characters: int) -> str | None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(_READER),
        mime,
        str(characters),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_ENVIRONMENT,
    )
    try:
        told, _ = await process.communicate(data)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        log.info("office.unreadable", extra={"mime": mime, "bytes": len(data), "code": process.returncode})
        return None
    return told.decode("utf-8", "replace")
