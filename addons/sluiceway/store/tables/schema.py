"""What all tables share: the schema they belong to, and the type of a row's number."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()

# BigInteger does not autoincrement on SQLite; Integer is 64 bit there.
Id = BigInteger().with_variant(Integer, "sqlite")
