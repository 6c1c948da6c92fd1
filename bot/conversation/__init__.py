"""What to answer and whether: which conversation a question belongs to, what Claude is told of it, and its reply."""
