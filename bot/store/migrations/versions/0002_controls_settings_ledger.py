"""controls, settings, ledger

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("anew", sa.Boolean(), nullable=False, server_default="0"))
    with op.batch_alter_table("turns", schema=None) as batch_op:
        batch_op.add_column(sa.Column("files", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("replies", schema=None) as batch_op:
        for name in ("key", "how", "locale", "question_channel", "question_message", "stop_reason"):
            batch_op.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("seconds", sa.Double(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("micros", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_index("ix_replies_question", ["question_channel", "question_message"], unique=False)
        batch_op.create_index(batch_op.f("ix_replies_conversation"), ["conversation"], unique=False)

    pages = op.create_table(
        "pages",
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("reply", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["reply"], ["replies.id"], name=op.f("fk_pages_reply"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("platform", "workspace", "channel", "message", name=op.f("pk_pages")),
    )
    with op.batch_alter_table("pages", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pages_reply"), ["reply"], unique=False)
    _fill(pages)

    op.create_table(
        "feedback",
        sa.Column("reply", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reply"], ["replies.id"], name=op.f("fk_feedback_reply"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("reply", "person", name=op.f("pk_feedback")),
    )
    op.create_table(
        "preferences",
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("changed", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("platform", "workspace", "channel", name=op.f("pk_preferences")),
    )
    op.create_table(
        "ledger",
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("replies", sa.Integer(), nullable=False),
        sa.Column("tokens_in", sa.Integer(), nullable=False),
        sa.Column("tokens_out", sa.Integer(), nullable=False),
        sa.Column("cache_read", sa.Integer(), nullable=False),
        sa.Column("cache_written", sa.Integer(), nullable=False),
        sa.Column("searches", sa.Integer(), nullable=False),
        sa.Column("micros", sa.Integer(), nullable=False),
        sa.Column("forget", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("day", "platform", "workspace", "channel", "person", name=op.f("pk_ledger")),
    )
    op.create_table(
        "reservations",
        sa.Column("reply", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("micros", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("reply", name=op.f("pk_reservations")),
    )
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.create_index("ix_reservations_where", ["day", "platform", "workspace"], unique=False)


def _fill(pages: sa.Table) -> None:
    """Which message belongs to which reply, from what each reply knew of its messages."""
    connection = op.get_bind()
    known: dict[tuple[str, ...], str] = {}
    for reply, place, refs in connection.execute(
        sa.text("SELECT id, place, refs FROM replies ORDER BY created")
    ):
        stands = json.loads(place)
        for ref in json.loads(refs):
            known[stands["platform"], stands["workspace"], ref["channel"], ref["message"]] = reply
    if known:
        connection.execute(
            pages.insert(),
            [
                {
                    "platform": platform,
                    "workspace": workspace,
                    "channel": channel,
                    "message": message,
                    "reply": reply,
                }
                for (platform, workspace, channel, message), reply in known.items()
            ],
        )
