"""The guard: credentials and personal data in text, and the placeholders that stand for them."""
