"""Slack: `SlackPlatform` in platform.py. Law: pure files decide, five files talk.

in    line (Socket Mode) or webhook (HTTP) -> inbox (Bolt; acknowledge, once only) -> events, reading (pure)
out   writing (post, edit, find), asides (status, a word to the asker), names  ->  web (the one client)
data  outcomes (what an answer means), budgets (what may be spent), blocks and dialect (how text looks),
      scopes (what the app must be allowed)
"""
