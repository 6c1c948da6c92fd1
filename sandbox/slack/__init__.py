"""Slack as the sandbox plays it: one workspace, served to any bot over the protocols of the real one.

server.py         all of it behind one address; the verbs, snapshots and faults that tests use
nouns.py          people, channels, messages, files, streams
workspace.py      what changes what a viewer sees; writes the record, announces events
verbs.py          what people do
web_api.py        the front door of /api: token, faults, budgets      methods.py: who may call what, how often
chat.py  streams.py  conversations.py  files.py  surfaces.py          the methods
arguments.py  places.py  blocks.py  refusals.py                       what a call says, and how Slack says no
sight.py  wording.py                                                  what a viewer sees, what a person types
delivery.py       events at least once, on one of two roads: socket_mode.py, request_url.py
responses.py      response_url
"""
