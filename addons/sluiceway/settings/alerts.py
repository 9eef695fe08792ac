"""Where alerts go: the `alerts` list of sluiceway.yaml. Each is a webhook, a file or mail.

They are trusted settings: a webhook may be on a private address. Its URL may hold a secret, so it is part of
no repr and no message.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from sluiceway.settings.section import Port, Section


def _url(text: str) -> str:
    try:
        url = urlsplit(text.strip())
        whole = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        whole = False
    if not whole or not text.strip().isprintable() or "@" in url.netloc:
        raise ValueError("write an http or https address, such as https://hooks.corp.example/ai")
    return text.strip()


def _address(text: str) -> str:
    name, _, domain = text.strip().rpartition("@")
    if not name or not domain or not text.strip().isprintable() or any(c in text for c in " ,;<>"):
        raise ValueError("write one mail address, such as ai-budget@corp.example")
    return text.strip()


type MailAddress = Annotated[str, AfterValidator(_address)]


class Webhook(Section):
    """A JSON POST of `text` (which Slack, Mattermost and Teams show) and all that is known as fields.
    `names`: people are named in it, else told as one person of a team."""

    webhook: Annotated[str, AfterValidator(_url)] = Field(repr=False)
    names: bool = False

    @property
    def channel(self) -> str:
        """What it is called in logs and rows."""
        return f"webhook {urlsplit(self.webhook).hostname}"


class File(Section):
    """A line of JSON added to a file, which whatever rotates logs may move away."""

    file: Path
    names: bool = False

    @property
    def channel(self) -> str:
        return f"file {self.file.name}"


class Mailbox(Section):
    """A mail server and who writes to whom. `starttls`: with a verified certificate, or the mail is not
    sent. `password_file`: a file that holds the password of `user` and nothing else."""

    host: str
    port: Port = 587
    from_: Annotated[MailAddress, Field(alias="from")]
    to: Annotated[tuple[MailAddress, ...], Field(min_length=1)]
    starttls: bool = True
    user: str | None = None
    password_file: Path | None = None


class Mail(Section):
    """A mail in plain text."""

    mail: Mailbox
    names: bool = False

    @property
    def channel(self) -> str:
        return f"mail {self.mail.host}"


type Channel = Webhook | File | Mail


def below(channel: Channel, folder: Path) -> Channel:
    """The same with its paths below a folder."""
    if isinstance(channel, File):
        return channel.model_copy(update={"file": folder / channel.file})
    if isinstance(channel, Mail) and channel.mail.password_file is not None:
        path = folder / channel.mail.password_file
        return channel.model_copy(update={"mail": channel.mail.model_copy(update={"password_file": path})})
    return channel
