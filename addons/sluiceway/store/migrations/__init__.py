"""The history of the schema, one revision a file; `store/migrate.py` runs it."""
