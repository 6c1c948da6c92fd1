"""Inkstream's core: how Claude's answer grows in a channel. It knows Claude and conversation, and no platform.

ports.py         the nouns, and what a platform must be able to do
reply/           the heart: pages (pure), pacing (pure), the outbox that waits, one reply
claude/          the model: a request, the stream as events, its faults
conversation/    what to answer and whether; history; the journal
store/           what survives a restart
service/         logs, health
app.py           lifetimes, signals, drain
settings.py      environment -> Settings;  sentences.py  every word that the bot itself says
__main__.py      the command line; demo.py  the sandbox and the bot together
"""
