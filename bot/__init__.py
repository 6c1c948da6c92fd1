"""Inkstream's core: how Claude's answer grows in a channel. It knows Claude and conversation, and no platform.

ports.py         the nouns, and what a platform must be able to do;  panels.py  forms;  files.py  files
reply/           the heart: pages (pure), pacing (pure), the outbox that waits, one reply
claude/          the model: a request, the stream as events, its faults; documents, prices, models
conversation/    what to answer and whether: who may, what it may cost, context, controls, orders, edits; the journal
store/           what survives a restart
service/         logs, health, metrics
app.py           lifetimes, signals, drain
settings.py      environment -> Settings, with channel_defaults.py
sentences.py     every word that the bot itself says;  translations/  the same in other languages
__main__.py      the command line; demo.py  the sandbox and the bot together
"""
