"""The model: a request built from turns, the stream as typed events, what can go wrong and what is said then."""
