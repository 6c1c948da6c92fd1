"""what is old, and whose: without reading everything

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_conversations_last"), "conversations", ["last"], unique=False)
    op.create_index(op.f("ix_turns_person"), "turns", ["person"], unique=False)
