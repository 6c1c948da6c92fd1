"""Slack: `SlackPlatform` in platform.py. Law: pure files decide, the others talk and decide nothing.

in    line (Socket Mode) or webhook (HTTP) -> listeners (Bolt: acknowledge everything) -> inbox (once, in order, whole)
      what a payload means, pure: events (said, edited, deleted, reacted), commands, interactions (presses, shortcuts,
      forms sent off), reading (text and files), payloads (the fields)
out   writing and streaming (post, edit, find), asides (status, title, a word or a form for one person), transfer (files),
      removing, history, names, standing  ->  web (the one client); connecting comes before them all
      only where the app is one of Slack's agents: sessions (its stop button), openings (chats without a word)
data  outcomes (what an answer means), budgets (what may be spent), routes (how to answer who has just acted), blocks,
      forms, dialect, mrkdwn, rich_text (how things look), scopes (what the app must be allowed)
"""
