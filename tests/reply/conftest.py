"""What holds for all tests of replies: that the net under the reading of Markdown catches nothing unless it is tried."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


class _Loud(logging.Handler):
    """Passes the fault on that the pages have caught."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "pages.plain":
            raise AssertionError(f"the reading of a page failed: {vars(record)}")


@pytest.fixture
def reading_may_fail() -> None:
    """For tests in which the reading of Markdown is made to fail."""


@pytest.fixture(autouse=True)
def the_reading_holds(request: pytest.FixtureRequest) -> Iterator[None]:
    """A fault that only costs a page its markup would go unseen otherwise."""
    if "reading_may_fail" in request.fixturenames:
        yield
        return
    log, handler = logging.getLogger("bot.reply.pages"), _Loud()
    log.addHandler(handler)
    yield
    log.removeHandler(handler)
