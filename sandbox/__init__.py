"""Local Slack, Discord and Claude that speak the real wire protocols, for any bot in any language.

The sandbox knows nothing of the bot that talks to it: it imports nothing from `bot` or `adapters`. Its limits are
typed in from the platforms' documentation and from other people's measurements, each with its certainty.

    clock.py    sandbox time, which can run faster than the wall's
    limits.py   the platforms' budgets, in four shapes
    record.py   everything that a viewer could have seen, and when
    slack/  discord/  claude/   one server each
    page/       the two chats in a browser
    world.py    all of it together; control.py: its HTTP control calls
"""
