"""Every sentence that the bot itself says to people. Law: plain words, what happened and what to do, no code.

`{...}` are filled in by the caller. Notices stand in the thread under (or instead of) Claude's words; statuses are
shown before the first text and vanish.
"""

from __future__ import annotations

# Statuses: before the first text.
THINKING = "is thinking…"
WAITING = "is waiting for the answer before this one…"
WORKING = "is using {tool}…"
RETRYING = "is waiting for Claude, which is busy; next try in {seconds} s…"

# Notices: how an answer ended, if not by itself.
STOPPED = "Stopped."
CUT_BY_LIMIT = "The answer reached its length limit here. Ask me to continue for the rest."
PAUSED = "Claude paused here before it was done. Ask me to continue for the rest."
CONTEXT_FULL = "This conversation has grown too long for the model. Please start a new one."
REFUSED = "Claude declined to answer this. Asking in another way, or about something else, may work."
NOTHING_SAID = "Claude ended its turn without saying anything. Please ask again."
INTERRUPTED = "I was restarted here and could not finish. Please ask again for the rest."
INTERRUPTED_EARLY = "I was restarted before I could answer. Please ask again."
OUR_FAULT = "Something went wrong on my side. It has been logged; please try again."

# Notices: what Claude's API said, or did not say.
BUSY = "Claude is overloaded at the moment. Please try again in a minute."
RATE_LIMITED = "Claude's rate limit for this bot is reached. Please try again in {wait}."
UNREACHABLE = "Claude could not be reached. Please try again in a minute."
FAILED = "Claude's service failed. Please try again in a minute."
BROKEN_OFF = "The connection to Claude broke off here. Ask me to continue for the rest."
WENT_QUIET = "Claude went quiet here and did not come back. Ask me to continue for the rest."
NEVER_SPOKE = "Claude began to work on this, but went quiet. Please try again in a minute."
BAD_KEY = "Claude refused this bot's API key. The person who runs the bot has to mend it."
NO_CREDIT = "This bot's account with Claude has no credit left. The person who runs the bot has to mend it."
NO_MODEL = (
    "Claude does not know the model that this bot is set to. The person who runs the bot has to mend it."
)
BAD_REQUEST = (
    "Claude could not accept this request. Starting a new conversation may help; the details are logged."
)
TOO_LARGE = "This conversation is too large to send to Claude. Please start a new one."

# Answers to questions that never reach Claude.
EMPTY_QUESTION = "Hello! Ask me something: write your question after my name."
LONG_QUESTION = "That question has {length} characters; I can read at most {limit}. Please shorten it."
RESTARTING = "I am restarting at this moment. Please ask again in a minute."

# Where the answer could not be shown.
NOT_A_MEMBER = "I am not in that channel. Invite me (on Slack: /invite @me) and ask again."
MAY_NOT_WRITE = "I may not write in that channel. Somebody who manages it has to allow it."


def wait(seconds: float) -> str:
    """A length of time as people say it: `wait(90)` is "2 minutes"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds" if seconds > 1 else "a second"
    if seconds < 5400:
        return f"{round(seconds / 60)} minutes"
    return f"{round(seconds / 3600)} hours"
