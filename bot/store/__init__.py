"""What must survive a restart: conversations, the journal of replies, what budgets had learned.

tables.py      the tables, as SQLAlchemy classes
store.py       the questions that the rest of the bot asks of them
migrations/    how an older file becomes today's (Alembic; run at each start)
"""
