"""Chromium without a window, spoken to over its DevTools protocol: pictures of parts of pages."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.pictures.palette import compact

OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0"),
    *("--force-color-profile=srgb", "--disable-lcd-text", "--hide-scrollbars", "about:blank"),
)
READY_S = 60.0
BELOW = 14  # pixels of air
# From the first element to the end of the last.
BOX = """
(([first, last]) => {
  const from = document.querySelector(first).getBoundingClientRect();
  const to = document.querySelector(last).getBoundingClientRect();
  const width = Math.min(innerWidth, from.left + from.right);
  return {x: 0, y: from.top + scrollY, width, height: to.bottom - from.top};
})(%s)
"""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of `page` at a width in pixels, from `skip` pixels below the top of the element `first` to
    the end of `last`, else of `first`."""

    picture: Path
    page: Path
    width: int
    first: str
    last: str | None = None
    skip: int = -14


async def photograph(chromium: str, shots: Sequence[Shot], profile: Path) -> None:
    """Takes them all with one browser, which ends with this."""
    browser = await asyncio.create_subprocess_exec(
        chromium, *OPTIONS, f"--user-data-dir={profile}", stderr=asyncio.subprocess.PIPE
    )
    try:
        url = await asyncio.wait_for(_devtools(browser), READY_S)
        async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0) as socket:
            for shot in shots:
                shot.picture.write_bytes(compact(await _take(_Talk(socket), shot)))
    finally:
        browser.terminate()
        await browser.wait()


async def _devtools(browser: asyncio.subprocess.Process) -> str:
    assert browser.stderr
    async for line in browser.stderr:
        _, found, url = line.decode().strip().partition("DevTools listening on ")
        if found:
            return url
    raise RuntimeError("Chromium ended before it was ready")


class _Talk:
    """Calls and their answers, one at a time, of one page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._count = socket, 0
        self.session: str | None = None

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        await self._socket.send_json(message | ({"sessionId": self.session} if self.session else {}))
        while True:
            answer = json.loads((await self._socket.receive()).data)
            if answer.get("id") == self._count and answer.get("sessionId") == self.session:
                assert "result" in answer, f"{method}: {answer.get('error')}"
                return dict(answer["result"])


async def _take(talk: _Talk, shot: Shot) -> bytes:
    target = await talk.call("Target.createTarget", url=shot.page.as_uri())
    attached = await talk.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
    talk.session = attached["sessionId"]
    await talk.call(
        "Emulation.setDeviceMetricsOverride", width=shot.width, height=900, deviceScaleFactor=1, mobile=False
    )
    for _ in range(100):
        state = await talk.call(
            "Runtime.evaluate",
            expression=f"location.href == {json.dumps(shot.page.as_uri())} && document.readyState",
        )
        if state["result"].get("value") == "complete":
            break
        await asyncio.sleep(0.1)
    box = BOX % json.dumps([shot.first, shot.last or shot.first])
    found = (await talk.call("Runtime.evaluate", expression=box, returnByValue=True))["result"]["value"]
    top = max(0, found["y"] + shot.skip)
    clip = found | {"y": top, "height": found["y"] + found["height"] + BELOW - top, "scale": 1}
    picture = await talk.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
    return base64.b64decode(picture["data"])
