"""How the tests start a hundred bots: each as a fork of a process that has imported it, and done nothing else.

To import Claude's client, both platforms' and the database's takes longer than most of what is tried. The bot itself
begins as it does from a shell: with its own environment, folder and output, and `inkstream run` for its arguments.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

_FORKS = multiprocessing.get_context("forkserver")
# Claude's client reads `httpcore2` when it is made, and h11 with it: once here in place of once in each bot.
_FORKS.set_forkserver_preload(["bot.__main__", "httpcore2", __name__])


def bear(environment: dict[str, str], folder: Path, log: Path) -> ForkServerProcess:
    """A new process that is the bot, with this environment and no other."""
    process = _FORKS.Process(target=_live, args=(environment, folder, log), daemon=True)
    process.start()
    return process


def _live(environment: dict[str, str], folder: Path, log: Path) -> None:
    # What was imported before the fork is not looked through for garbage again in each bot.
    gc.freeze()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for standard in (1, 2):
        os.dup2(output, standard)
    sys.argv = ["inkstream", "run"]
    from bot.__main__ import app  # noqa: PLC0415 (this module is read by the tests' own process, too)

    app()
