"""Brings a database to this version's schema, and refuses one that a newer version wrote."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from sluiceway.errors import StoreError

if TYPE_CHECKING:
    from alembic.config import Config

log = logging.getLogger("sluiceway.store")

HEAD = "0008"  # the newest revision in migrations/versions; a test keeps it true


def revision(connection: sqlite3.Connection) -> str | None:
    """The schema revision of a database, None for an empty one."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise StoreError("this database was not made by sluiceway; name another file under store:")
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def check(path: Path, found: str | None) -> None:
    """Refuses what this version cannot read. Called where nothing may be written."""
    if found == HEAD:
        return
    if found is None or found in _known():
        raise StoreError(
            f"{path}: written by an older version; a writing command such as `serve` migrates it"
        )
    raise StoreError(
        f"{path}: schema {found} is newer than this version of sluiceway knows; upgrade sluiceway"
    )


def upgrade(path: Path, found: str | None) -> None:
    """Migrates to HEAD. The caller holds the lock and has no connection open."""
    if found == HEAD:
        return
    if found is not None and found not in _known():
        check(path, found)
    if found is not None:
        log.warning("%s: migrating the store from schema %s to %s", path, found, HEAD)
    _to_head(path)


def _to_head(path: Path) -> None:
    from alembic import command

    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(path))
    config = _config()
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, HEAD)
    except SQLAlchemyError as error:
        raise StoreError(f"{path}: the migration to schema {HEAD} failed: {error.__cause__}") from error
    finally:
        engine.dispose()


def _known() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _config() -> Config:
    # alembic takes 0.1 s to import and is needed only when there is something to migrate.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "sluiceway.store:migrations")
    return config
