"""Discord's REST API v10 and Gateway for one guild, and what its people do there.

    server.py        all of it behind one address: `DiscordServer`
    state.py         the guild, its people, channels and messages
    people.py        what people see and do: say, command, press ...
    posts.py         messages as they come, change and go, told to the Gateway and the record at once
    payloads.py      state as Discord's JSON
    rest.py          the road of every call; bodies.py, errors.py: what comes in, and how it is refused
    buckets.py       the rate limits
    writing.py  channels.py  reactions.py  guild.py  commands.py  webhooks.py      the routes' handlers
    messages.py  components.py  options.py                                         what contents may be
    gateway.py  sessions.py                                                        events, RESUME, close codes
    interactions.py  commands, buttons and forms, from the click to the token's end

A handler judges and refuses; posts.py applies what was judged, and tells everybody of it.
"""
