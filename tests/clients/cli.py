"""The three clients as people start them: their commands, and what each shows of an answer.

Versions are pinned in package.json; what an employee's machine sets is in `desk.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
BIN = HERE / "node_modules" / ".bin"
_PINNED: dict[str, str] = json.loads((HERE / "package.json").read_text())["dependencies"]


@dataclass(frozen=True, slots=True)
class Cli:
    """One client. `name` is the ledger's; `provider` the simulated one it talks to.

    `plain` and `streamed` are the arguments before the prompt: the first for words on stdout, the second
    such that a line with `delta` in it shows a part of the answer while the rest is yet to come.
    `requests` is how many one prompt takes; `repeats` how often it prints the error that ended a turn.
    """

    name: str
    package: str
    command: str
    agent: str
    provider: str
    host: str
    plain: tuple[str, ...]
    streamed: tuple[str, ...]
    delta: str
    requests: int = 1
    repeats: int = 1
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        return _PINNED[self.package]

    @property
    def path(self) -> Path:
        return BIN / self.command


CLAUDE = Cli(
    name="claude-code",
    package="@anthropic-ai/claude-code",
    command="claude",
    agent="sdk-cli",
    provider="anthropic",
    host="api.anthropic.com",
    plain=("--print", "--allowedTools=Bash,Read", "--"),
    streamed=("--print", "--verbose", "--output-format=stream-json", "--include-partial-messages", "--"),
    delta='"text_delta"',
    environment={"ANTHROPIC_API_KEY": "sk-ant-api03-test"},
)
CODEX = Cli(
    name="codex",
    package="@openai/codex",
    command="codex",
    agent="codex_exec",
    provider="openai",
    host="api.openai.com",
    plain=("exec", "--skip-git-repo-check"),
    # `exec` prints whole messages only; its own trace tells of each event as it comes.
    streamed=("exec", "--skip-git-repo-check"),
    delta='SSE event: {"type":"response.output_text.delta"',
    repeats=2,  # when it happens, and again as the last line
    environment={"CODEX_API_KEY": "sk-test", "RUST_LOG": "error,codex_api::sse=trace"},
)
GEMINI = Cli(
    name="gemini-cli",
    package="@google/gemini-cli",
    command="gemini",
    agent="tui",
    provider="gemini",
    host="generativelanguage.googleapis.com",
    plain=("--skip-trust", "--yolo", "--prompt"),
    streamed=("--skip-trust", "--output-format=stream-json", "--prompt"),
    delta='"delta":true',
    requests=2,  # a small model chooses the one that then answers
    repeats=3,  # twice that the choice failed, and once that the answer did
    environment={"GEMINI_API_KEY": "AIza-test"},
)
CLIENTS = (CLAUDE, CODEX, GEMINI)
