"""What must survive a restart: conversations, the journal of replies, settings, spending, what budgets had learned.

engine.py       the database, and what one question to it is
tables.py       the tables, as SQLAlchemy classes
nouns.py        what goes in and comes out
store.py        `Store`: all of the questions that the rest of the bot asks, which are in
    questions.py    taking questions up, forks, new beginnings
    replies.py      the journal of replies, and what their buttons need
    contexts.py     what Claude is told: turns, imported history, summaries, changed questions
    forgetting.py   deleting what is stored of a person
    retention.py    deleting what is old
    preferences.py  `Store.preferences`: what managers set
    ledger.py       `Store.ledger`: what was spent, and what the answers under way may cost
rows.py         between rows and nouns
migrations/     how an older file becomes today's (Alembic; run at each start)
"""
