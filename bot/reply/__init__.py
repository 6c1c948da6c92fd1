"""The heart: one answer, how it is cut and read, and when each of its messages is sent.

an answer    nouns, reply (Claude's events -> document -> messages), status (before its first text), attaching (files
             of it), buttons
a view       messages (nouns), view (what one reply shows), planning (what it lacks), landing (what its calls brought),
             outbox (drives all views of a platform: the only file that waits)
pacing       items (nouns), pacing (all replies, and the theory), ranking (those of one budget: who is next)
budgets      budget (as a platform counts it), lessons (what refusals teach), evidence (which limits explain them)
pages, pure  pages (the document), growth (the open page), sheet (what stands on it), lens (as the parser sees it),
             cuts and cutting (where it ends), healing and undecided (the end of a text that is still being written),
             settling and certainty (what can no longer change), tables, plainly (where reading has failed)
"""
