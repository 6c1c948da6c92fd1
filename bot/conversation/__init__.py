"""What to answer and whether: which conversation a question belongs to, what Claude is told of it, and its reply.

in         conversations (every event), questions (taken up once, in order), routing and beginnings (which conversation),
           early (what came before its question), revisions (edited, deleted), words and orders (commands), controls
           (buttons, reactions, Stop)
whether    admission, by way of permissions, rates, spending and preferences
answers    answers (one after the other), turns (who is next), live (those that are owed), continued, mending (after a
           crash), journal (what of them must survive one), channel (a platform, and our own words on it)
context    context (what Claude is asked), history (turns -> messages), attachments, fewer (without what it refuses),
           summaries
told       usage, panel and panel_fields (the settings as a form)
"""
