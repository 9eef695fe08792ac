"""A labelled corpus of the guard's own, and what it finds of it."""
