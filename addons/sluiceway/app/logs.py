"""Log lines as JSON on stderr. An exception leaves its class and its frames, never its text: texts of
foreign exceptions quote what they choked on, and that may be a prompt or a key."""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime

import orjson


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and for an exception its class and frames."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["frames"] = [
                f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])[-12:]
            ]
        return orjson.dumps(line, default=str).decode()


def to_stderr(level: int) -> None:
    """Sets up logging for a server process. mitmproxy and aiohttp only speak from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("mitmproxy", "aiohttp", "asyncio", "hpack", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
