"""Brings a database to this version's schema, and refuses one that a newer version wrote."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from sluiceway.errors import StoreError
from sluiceway.store.engines.connection import Connection, Engine

if TYPE_CHECKING:
    from alembic.config import Config

log = logging.getLogger("sluiceway.store")

HEAD = "0010"  # the newest revision in migrations/versions; a test keeps it true


def revision(engine: Engine, connection: Connection) -> str | None:
    """The schema revision of a database, None for an empty one."""
    tables = engine.tables(connection)
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise StoreError("this database was not made by sluiceway; name another one under store:")
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def check(name: str, found: str | None) -> None:
    """Refuses what this version cannot read. Called where nothing may be written."""
    if found == HEAD:
        return
    if found is None or found in _known():
        raise StoreError(
            f"{name}: written by an older version; a writing command such as `serve` migrates it"
        )
    raise StoreError(
        f"{name}: schema {found} is newer than this version of sluiceway knows; upgrade sluiceway"
    )


def upgrade(engine: Engine, found: str | None) -> None:
    """Migrates to HEAD. The caller holds the lock, where there is one, and has no connection open."""
    if found == HEAD:
        return
    if found is not None and found not in _known():
        check(engine.name, found)
    if found is not None:
        log.warning("%s: migrating the store from schema %s to %s", engine.name, found, HEAD)
    _to_head(engine)


def _to_head(engine: Engine) -> None:
    from alembic import command

    config = _config()
    try:
        with engine.migrating() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, HEAD)  # nothing, where another node was quicker
    except SQLAlchemyError as error:
        raise StoreError(
            f"{engine.name}: the migration to schema {HEAD} failed: {error.__cause__}"
        ) from error


def _known() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _config() -> Config:
    # alembic takes 0.1 s to import and is needed only when there is something to migrate.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "sluiceway.store:migrations")
    return config
