"""The control socket: how a command reaches the running `serve`, which alone writes the store.

One JSON object a line, `{"operation": ..., "arguments": {...}}` in, `{"ok": ...}` or `{"error": ...}` out,
over a Unix socket that only the user who runs `serve` can open.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import socket
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from sluiceway.errors import SluicewayError

logger = logging.getLogger(__name__)

type Operate = Callable[[str, Mapping[str, Any]], Awaitable[Any]]

LINE_BYTES = 1024 * 1024
ANSWER_S = 60.0


def socket_path(config: Path, worker: int | None = None) -> Path:
    """Where the deployment's socket is, or that of one of its workers: a path of our own, since such paths
    end at 107 bytes."""
    digest = hashlib.sha256(str(config.resolve()).encode()).hexdigest()[:24]
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"sluiceway-{os.getuid()}"
    return folder / (f"{digest}.sock" if worker is None else f"{digest}-{worker}.sock")


class Control:
    """Listens for operations in the running process."""

    def __init__(self, config: Path, operate: Operate, worker: int | None = None) -> None:
        self._path = socket_path(config, worker)
        self._operate = operate
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        if self._path.parent.stat().st_uid != os.getuid():
            raise SluicewayError(
                f"{self._path.parent} belongs to another user; remove it or set XDG_RUNTIME_DIR"
            )
        if _answers(self._path):
            raise SluicewayError("a serve is running for this deployment already; stop it first")
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path, limit=LINE_BYTES)
        self._path.chmod(0o600)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(await self._answer(await reader.readline()) + b"\n")
            await writer.drain()
        except (OSError, ValueError):
            pass  # whoever asked has gone
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> bytes:
        try:
            asked = json.loads(line)
            result = await self._operate(asked["operation"], asked["arguments"])
            return json.dumps({"ok": result}).encode()
        except SluicewayError as error:
            return json.dumps({"error": str(error)}).encode()
        except Exception as error:
            logger.error("control operation failed: %s", type(error).__name__)
            return json.dumps({"error": f"the running serve failed ({type(error).__name__})"}).encode()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        return connection.connect_ex(str(path)) == 0


def ask(config: Path, operation: str, arguments: Mapping[str, Any], worker: int | None = None) -> Any:
    """Asks the running serve. NotRunning when there is none, SluicewayError when it refuses."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_S)
        try:
            connection.connect(str(socket_path(config, worker)))
        except OSError:
            raise NotRunning("no serve is running for this deployment; start it: sluiceway serve") from None
        connection.sendall(
            json.dumps({"operation": operation, "arguments": dict(arguments)}).encode() + b"\n"
        )
        with connection.makefile("rb") as lines:
            line = lines.readline()
    if not line:
        raise SluicewayError("the running serve gave no answer; its log says why")
    answer = json.loads(line)
    if "error" in answer:
        raise SluicewayError(answer["error"])
    return answer["ok"]


class NotRunning(SluicewayError):
    """There is no running serve to ask."""
