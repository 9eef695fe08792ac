"""Delivers one alert by one channel, within seconds. Blocks; the text of an Undelivered is no secret."""

from __future__ import annotations

import json
import os
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from sluiceway.errors import SluicewayError
from sluiceway.settings.alerts import Channel, File, Mail, Mailbox, Webhook

TIMEOUT_S = 10.0


class Undelivered(SluicewayError):
    """A channel did not take an alert; the text says why, without address or password."""


def send(channel: Channel, subject: str, fields: Mapping[str, Any]) -> None:
    """Hands an alert to a channel. Raises Undelivered."""
    try:
        match channel:
            case Webhook(webhook=url):
                _post(url, fields)
            case File(file=path):
                line = json.dumps(fields, ensure_ascii=False) + "\n"
                descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
                with os.fdopen(descriptor, "a", encoding="utf-8") as file:
                    file.write(line)
            case Mail(mail=mailbox):
                _mail(mailbox, subject, fields["text"])
    except OSError as error:
        raise Undelivered(error.strerror or type(error).__name__) from None
    except (HTTPException, smtplib.SMTPException, ValueError) as error:
        # A mail server's or a webhook's own words may quote what was sent.
        raise Undelivered(type(error).__name__) from None


def _post(url: str, fields: Mapping[str, Any]) -> None:
    """To that address and nowhere else: no proxy, no redirect."""
    parts = urlsplit(url)
    assert parts.hostname
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connect(parts.hostname, parts.port, timeout=TIMEOUT_S)
    body = json.dumps(fields, ensure_ascii=False).encode()
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        connection.request("POST", target, body, {"content-type": "application/json; charset=utf-8"})
        status = connection.getresponse().status
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise Undelivered(f"it answered {status}")


def _mail(box: Mailbox, subject: str, text: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = box.from_, ", ".join(box.to), subject
    message.set_content(text)
    with smtplib.SMTP(box.host, box.port, timeout=TIMEOUT_S) as server:
        if box.starttls:
            server.starttls(context=ssl.create_default_context())
        if box.user is not None and box.password_file is not None:
            server.login(box.user, box.password_file.read_text("utf-8").strip())
        server.send_message(message)
