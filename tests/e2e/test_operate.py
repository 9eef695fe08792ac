"""The operators' port of a running deployment."""

from __future__ import annotations

import socket
import urllib.request

import pytest

from sluiceway.demo.stage import free_port
from tests.e2e.running import Running
from tests.e2e.test_front import ask

pytestmark = pytest.mark.e2e


def test_metrics_count_what_passed_and_readiness_ends_with_a_drain(fresh: type[Running]) -> None:
    port = free_port()
    running = fresh(more=f"operate: {{listen: 127.0.0.1:{port}}}")
    ask(running, running.add("alice"))
    running.rows(1)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    assert 'sluiceway_requests_total{operation="chat",outcome="ok",provider="anthropic"} 1.0' in text
    assert "sluiceway_open_reservations 0.0" in text
    assert "sluiceway_loop_lag_seconds" in text
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
        assert answer.read() == b"ready\n"
    running.service.gateway.parts.draining = True
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 503")
