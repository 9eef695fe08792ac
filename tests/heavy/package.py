"""Installs Sluiceway as the Containerfile and the systemd unit do, from a wheel and the hash-locked
requirements of a running proxy alone, and starts it: `python -m tests.heavy.package`."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_S = 30.0


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="sluiceway-package-") as name:
        folder = Path(name)
        program = install(folder)
        deployment = folder / "deployment"
        run(str(program), "init", str(deployment))
        serve(program, deployment)
    print("1 passed, 0 failed")
    return 0


def install(folder: Path) -> Path:
    """Builds the wheel and installs it; the installed program."""
    say("building the wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist"))
    say("installing it beside the locked requirements")
    run(sys.executable, "-m", "venv", str(folder / "venv"))
    pip = (str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "-r", str(ROOT / "requirements-run.lock"))
    (wheel,) = (folder / "dist").glob("*.whl")
    run(*pip, "--no-deps", str(wheel))
    return folder / "venv/bin/sluiceway"


def serve(program: Path, deployment: Path) -> None:
    """Starts it, asks whether it is ready, and ends it."""
    say("starting it")
    proxy, operators = free_port(), free_port()
    settings = deployment / "sluiceway.yaml"
    text = settings.read_text().replace("127.0.0.1:8080}", f"127.0.0.1:{proxy}}}")
    text = text.replace("operate: {listen: null}", f"operate: {{listen: 127.0.0.1:{operators}}}")
    settings.write_text(text)
    process = subprocess.Popen([str(program), "serve", "--config", str(settings)], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_S
        while not ready(operators):
            if time.monotonic() > until or process.poll() is not None:
                raise SystemExit("the installed program did not start")
            time.sleep(0.1)
    finally:
        process.terminate()
        code = process.wait(START_S)
    if code != 0:
        raise SystemExit(f"the installed program ended with exit code {code}")


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
    return port


def run(*command: str) -> None:
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=600)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
