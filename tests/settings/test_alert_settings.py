"""The `alerts` list of sluiceway.yaml: each channel, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluiceway.errors import ConfigError
from sluiceway.settings.alerts import File, Mail, Webhook
from sluiceway.settings.config import Settings, load_settings


def load(folder: Path, alerts: str) -> Settings:
    path = folder / "sluiceway.yaml"
    path.write_text(f"alerts: {alerts}\n")
    return load_settings(path)


def test_every_channel_is_read_and_its_files_lie_beside_the_settings(tmp_path: Path) -> None:
    mail = (
        "{host: mail.corp.example, from: ai@corp.example, to: [a@corp.example], user: ai, password_file: pw}"
    )
    hook, file, post = load(
        tmp_path,
        f'[{{webhook: "https://x.example/h?k=s"}}, {{file: a.jsonl, names: true}}, {{mail: {mail}}}]',
    ).alerts
    assert isinstance(hook, Webhook)
    assert "k=s" not in repr(hook)
    assert hook.channel == "webhook x.example"
    assert isinstance(file, File)
    assert (file.file, file.names) == (tmp_path / "a.jsonl", True)
    assert isinstance(post, Mail)
    assert (post.mail.port, post.mail.starttls, post.mail.password_file) == (587, True, tmp_path / "pw")


MISTAKES = {
    "an address that is none": ("[{webhook: hooks}]", "write an http or https address"),
    "a password in an address": ('[{webhook: "https://a:b@x.example/"}]', "write an http or https address"),
    "a channel that is none": ("[{pager: x}]", "alerts.0"),
    "a misspelt channel": ("[{webhok: x}]", "did you mean 'webhook'?"),
    "mail to nobody": (
        "[{mail: {host: h, from: a@b.example, to: []}}]",
        "must be a list with a length of at least 1",
    ),
    "two addresses in one": (
        '[{mail: {host: h, from: "a@b.example, c@d.example", to: [a@b.example]}}]',
        "write one mail address",
    ),
    "a header in an address": (
        '[{mail: {host: h, from: "a@b.example\\nBcc: x@y.example", to: [a@b.example]}}]',
        "write one mail address",
    ),
}


@pytest.mark.parametrize(("alerts", "says"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_says_what_to_write(tmp_path: Path, alerts: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, alerts)
    assert says in str(caught.value)
    assert "a:b@" not in str(caught.value)
