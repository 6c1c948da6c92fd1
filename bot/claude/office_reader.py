"""An office document on standard input -> Markdown on standard output. Law: it can hurt nobody but itself.

A program of its own, started by bot/claude/office.py: somebody else's file meets a large parser here, which may
loop, swell or crash on it. So it has no environment to read, little memory and time, may write no file, and once the
parser is loaded cannot open one either, nor a connection.

    python -I office_reader.py MIME CHARACTERS

Exit codes: 0 done, 2 the document could not be read, anything else a crash.
"""

from __future__ import annotations

import os
import sys

UNREADABLE = 2
# The library maps about 470 MB of address space before it reads anything (measured, 4.10.4); a document of 100 MB
# unpacked, the most that it takes, needs less than the rest.
_MEMORY = 1_280 << 20
_CPU_SECONDS = 10


def _bound() -> None:
    """What is left to a parser that goes wild. Windows has no such limits; there the clock alone bounds it."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - there is none on Windows

        os.nice(10)  # the answers of everybody else come first
        if sys.platform == "linux":  # macOS knows the limit's name and refuses to set it
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _shut() -> None:
    """No file and no connection can be opened from here on: every number that one could have is over the limit."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - there is none on Windows

        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def main(mime: str, characters: int) -> int:
    _bound()
    import kreuzberg  # noqa: PLC0415 - under the limits above

    # Left out, each by its default: recognition of letters in images, models, what calls other services.
    config = kreuzberg.ExtractionConfig(
        use_cache=False, enable_quality_processing=False, output_format="markdown"
    )
    data = sys.stdin.buffer.read()
    # The library's own machinery is set up with its first document; it wants a few numbers for that, and keeps them.
    kreuzberg.extract_bytes_sync(b"{\\rtf1 .}", "application/rtf", config)
    _shut()
    try:
        text = kreuzberg.extract_bytes_sync(data, mime, config).content
    except (kreuzberg.KreuzbergError, MemoryError, OSError, RuntimeError, ValueError):
        return UNREADABLE
    sys.stdout.buffer.write(text[:characters].encode("utf-8", "replace"))
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
