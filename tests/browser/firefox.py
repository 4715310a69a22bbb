"""Firefox, driven by WebDriver BiDi, which it speaks itself: Playwright drives builds of its own only.

References
----------
W3C, "WebDriver BiDi".
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

FIREFOX = "/usr/bin/firefox-esr"
PATIENCE = 60.0
_LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


class Firefox:
    """One window. What goes wrong in its pages is in `complaints`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._loop, self._socket = loop, socket
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        self._context = ""

    def begin(self, width: int, height: int) -> None:
        """Start the session."""
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded"])
        self._context = self.send("browsingContext.getTree")["contexts"][0]["context"]
        self.send("browsingContext.setViewport", context=self._context, viewport={"width": width, "height": height})

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command."""
        return asyncio.run_coroutine_threadsafe(self._send(method, parameters), self._loop).result(PATIENCE)

    async def _send(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            told = await self._socket.receive_json()
            if told.get("method") == "log.entryAdded" and told["params"]["level"] in ("error", "warn"):
                self.complaints.append(told["params"]["text"])
            if told.get("id") == number:
                assert told["type"] == "success", f"{method}: {told.get('message')}"
                return told["result"]

    def goto(self, url: str) -> None:
        """Open a page, and wait until it has loaded."""
        self.send("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, which JSON can hold."""
        text = f"JSON.stringify(({expression}) ?? null)"
        found = self.send("script.evaluate", expression=text, target={"context": self._context}, awaitPromise=True)
        assert found["type"] == "success", found["exceptionDetails"]["text"]
        return json.loads(found["result"]["value"])

    def wait(self, expression: str) -> Any:
        """Wait until an expression is true; returns its value."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                if value := self.evaluate(expression):
                    return value
            except AssertionError:  # the page is just being left
                pass
            time.sleep(0.05)
        raise AssertionError(f"never came true in {self.evaluate('location.href')}: {expression}")

    def see(self, selector: str) -> None:
        """Wait until an element is shown."""
        self.wait(f"document.querySelector({json.dumps(selector)})?.getClientRects().length > 0")

    def click(self, selector: str) -> None:
        """Click the middle of an element, once it is there."""
        self.see(selector)
        x, y = self.evaluate(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)});"
            "found.scrollIntoView({ block: 'center', behavior: 'instant' });"
            "const { left, top, width, height } = found.getBoundingClientRect();"
            "return [Math.round(left + width / 2), Math.round(top + height / 2)]; })()"
        )
        steps = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._perform({"type": "pointer", "id": "mouse", "actions": steps})

    def type(self, text: str) -> None:
        """Type into what has the focus; ``\\ue007`` is Enter, ``\\ue00c`` Escape."""
        steps = [{"type": kind, "value": letter} for letter in text for kind in ("keyDown", "keyUp")]
        self._perform({"type": "key", "id": "keyboard", "actions": steps})

    def _perform(self, source: dict[str, Any]) -> None:
        self.send("input.performActions", context=self._context, actions=[source])

    def screenshot(self, path: Path) -> None:
        """Save what is shown as a PNG."""
        data = self.send("browsingContext.captureScreenshot", context=self._context)["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def firefox(profile: Path, *, width: int = 1280, height: int = 800) -> Iterator[Firefox]:
    """Start Firefox with an empty profile, and end it afterwards."""
    command = [FIREFOX, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        assert process.stderr is not None
        try:
            found = next((each for line in process.stderr if (each := _LISTENING.search(line))), None)
            assert found is not None, "Firefox ended before it listened"
            threading.Thread(target=process.stderr.read, daemon=True).start()  # or its pipe would fill up
            session, socket = asyncio.run_coroutine_threadsafe(_connected(found[1]), loop).result(PATIENCE)
            browser = Firefox(loop, socket)
            browser.begin(width, height)
            yield browser
            asyncio.run_coroutine_threadsafe(session.close(), loop).result(PATIENCE)
        finally:
            process.terminate()
            process.wait(PATIENCE)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(PATIENCE)
            loop.close()


async def _connected(address: str) -> tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]:
    session = aiohttp.ClientSession()
    return session, await session.ws_connect(f"{address}/session", max_msg_size=0)
