"""One folder per platform, thin: its SDK on one side, `bot.ports` on the other.

slack/     slack-bolt and slack-sdk: Socket Mode or signed HTTP in, the Web API out
discord/   discord.py: the Gateway in, REST out

An adapter imports its SDK, `bot.ports` and `bot.markup`, and for the few sentences that it says by itself
`bot.sentences` and `bot.translations`; nothing else of the house, and no other adapter (import-linter holds this).
Each implements `bot.ports.Platform` and passes the suite in tests/adapters/contract, which is written once for all of
them: a third platform is a folder here and a fixture there.
"""
