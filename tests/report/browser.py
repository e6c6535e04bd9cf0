"""A headless Chromium driven over its DevTools pipe: pages, keys, the mouse, console errors, screenshots."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from select import select
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE_S = 60
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe")


def find_browser() -> str | None:
    """Return the path of a Chromium or Chrome, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One open page. ``problems`` are the errors and warnings of its console, and its exceptions."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._rest = b""
        self._number = 0
        self._session = ""
        self.problems: list[str] = []
        self.requests: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Runtime", "Page", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol and return its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._note(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select([self._answers], [], [], PATIENCE_S)
            data = os.read(self._answers, 1 << 20) if ready else b""
            assert data, "the browser does not answer"
            self._rest += data
        line, self._rest = self._rest.split(b"\0", 1)
        found: dict[str, Any] = json.loads(line)
        return found

    def _note(self, event: dict[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(params["exceptionDetails"])[:2000])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append(json.dumps(params["args"])[:2000])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"][:200])

    def open(self, file: Path, fragment: str = "", *, width: int = 1440, height: int = 1000) -> None:
        """Open a page and wait until it has drawn itself."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=f"{file.resolve().as_uri()}{fragment}")
        ready = "document.documentElement?.dataset.ready === 'yes' || document.getElementById('failure')?.hidden === false"
        self.value(
            f"new Promise(done => {{ const look = () => ({ready}) ? done(1) : setTimeout(look, 20); look(); }})"
        )
        self.settle()

    def settle(self) -> None:
        """Wait until pending changes are drawn."""
        self.value(
            "new Promise(d => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(d, 30))))"
        )

    def value(self, script: str) -> Any:
        """Return the value of a script; a promise is awaited."""
        answer = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def media(self, **features: str) -> None:
        """Pretend that the reader prefers something: ``prefers_color_scheme="dark"``."""
        wanted = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.send("Emulation.setEmulatedMedia", features=wanted)
        self.settle()

    def focus(self, element: str) -> None:
        """Give the focus to the element of some id."""
        self.value(f"document.getElementById('{element}').focus()")

    def press(self, key: str, *, shift: bool = False, code: int = 0) -> None:
        """Press a key; one that is a character also writes it."""
        more = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        known = ord(key.upper()) if len(key) == 1 and key.isalnum() else 13 if key == "Enter" else 0
        common = {"key": key, "modifiers": 8 * shift, "windowsVirtualKeyCode": code or known}
        self.send("Input.dispatchKeyEvent", type="keyDown", **common, **more)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)
        self.settle()

    def point(self, element: str, x: float, y: float) -> tuple[float, float]:
        """Scroll an element into view and return a place in it as a place in the window."""
        box = self.value(
            f"(() => {{ const e = document.getElementById('{element}'); e.scrollIntoView({{block: 'center'}}); "
            "const b = e.getBoundingClientRect(); return [b.left, b.top]; })()"
        )
        return box[0] + x, box[1] + y

    def mouse(self, kind: str, at: tuple[float, float], **more: Any) -> None:
        """Send a mouse event: ``mouseMoved``, ``mousePressed``, ``mouseReleased``, ``mouseWheel``."""
        self.send("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], **more)

    def click(self, at: tuple[float, float]) -> None:
        """Click at a place in the window."""
        self.mouse("mouseMoved", at)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, at, button="left", clickCount=1)
        self.settle()

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        """Write what the window shows, or the whole page, as PNG."""
        clip: dict[str, Any] = {}
        if whole:
            size = self.send("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=whole, **clip)
        file.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def opened_browser(browser: str, profile: Path) -> Iterator[Page]:
    """Start a browser with a profile of its own, and end it in the end."""
    out_read, out_write = os.pipe()
    in_read, in_write = os.pipe()
    # Chromium reads commands from descriptor 3 and writes answers to 4.
    script = f'exec 3<&{out_read} 4>&{in_write}; exec "$0" "$@"'
    command = ["bash", "-c", script, browser, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(
        command, pass_fds=(out_read, in_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(out_read)
    os.close(in_write)
    try:
        yield Page(out_write, in_read)
    finally:
        os.close(out_write)
        os.close(in_read)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
