"""Claude Code, Codex CLI and Gemini CLI, unmodified, through a real proxy: `make clients`."""
