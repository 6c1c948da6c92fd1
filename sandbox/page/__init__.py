"""The sandbox's page: both chats side by side in a browser, how answers grow there, and what that costs.

markdown.py        PURE  a message's source -> HTML, by the two dialects
dialect.py         PURE  what the dialects share; slack_dialect.py, discord_dialect.py
growth.py          PURE  the record -> posts, edits and refusals of each message, and who is thinking
lag.py             PURE  the record -> how far viewers are behind Claude
budgets.py         PURE  the limits -> rows of the panel
forms.py       PURE  both platforms' forms -> one kind of form
servers.py               what the page asks of a world
hands.py                 the same deed on either platform
files.py                 what people attach, and what messages show
desk.py                  who has which form before them, and what failed
view.py                  the world -> JSON, each message rendered once
deeds.py                 what a viewer does, and refusals in a sentence
live.py                  one WebSocket: a snapshot, then what changed, coalesced
app.py                   the routes, and who may use them
static/                  HTML, CSS and one module per concern; no build step
"""
