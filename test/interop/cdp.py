# SPDX-License-Identifier: MIT
"""A headless Chromium, driven by its DevTools protocol."""
import asyncio
import base64
import json
import os
import subprocess
import tempfile
import time
import urllib.request

import websockets

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--remote-debugging-port=0", "--remote-allow-origins=*", "--hide-scrollbars"]


class Browser:
    """A browser with one page. Used as an asynchronous context."""

    def __init__(self, *flags):
        self.flags = flags
        self.place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.process = None
        self.socket = None
        self.number = 0
        self.waiting = {}
        self.complaints = []  # what the page's console has said, exceptions included

    async def __aenter__(self):
        self.process = subprocess.Popen(["chromium", *FLAGS, *self.flags, f"--user-data-dir={self.place.name}", "about:blank"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port_file = os.path.join(self.place.name, "DevToolsActivePort")
        limit = time.monotonic() + 60
        while not os.path.exists(port_file) or open(port_file, encoding="utf-8").read().count("\n") < 1:
            assert time.monotonic() < limit, "Chromium does not start"
            await asyncio.sleep(0.05)
        port = open(port_file, encoding="utf-8").read().split()[0]
        targets = []
        while not targets:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=10) as answer:
                targets = [one for one in json.load(answer) if one["type"] == "page"]
        self.socket = await websockets.connect(targets[0]["webSocketDebuggerUrl"], max_size=None)
        self.reader = asyncio.create_task(self.read())
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        return self

    async def __aexit__(self, *_):
        self.reader.cancel()
        await self.socket.close()
        self.process.terminate()
        self.process.wait(20)
        self.place.cleanup()

    async def read(self):
        async for text in self.socket:
            message = json.loads(text)
            if "id" in message:
                self.waiting.pop(message["id"]).set_result(message)
            elif message["method"] == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(message["params"]["exceptionDetails"])[:600])
            elif message["method"] == "Log.entryAdded" and message["params"]["entry"]["level"] in ("error", "warning"):
                self.complaints.append(message["params"]["entry"]["text"])
            elif message["method"] == "Runtime.consoleAPICalled":
                self.complaints.append(json.dumps(message["params"]["args"])[:600])

    async def call(self, method, **parameters):
        self.number += 1
        answer = asyncio.get_running_loop().create_future()
        self.waiting[self.number] = answer
        await self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        message = await asyncio.wait_for(answer, 60)
        assert "error" not in message, f"{method}: {message}"
        return message["result"]

    async def evaluate(self, expression):
        result = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, f"{expression}: {result['exceptionDetails']}"
        return result["result"].get("value")

    async def wait_for(self, expression, seconds=20):
        """Wait until an expression is true; give its value."""
        limit = time.monotonic() + seconds
        while True:
            value = await self.evaluate(expression)
            if value:
                return value
            if time.monotonic() > limit:
                await self.screenshot(os.environ.get("INTEROP_PICTURE", os.devnull))
            assert time.monotonic() < limit, f"waited in vain for {expression}"
            await asyncio.sleep(0.05)

    async def drawn(self):
        """Wait until what has changed so far has been drawn."""
        await self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    async def open(self, url):
        return await self.call("Page.navigate", url=url)

    async def size(self, width, height, scale=1, mobile=False):
        await self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile)

    async def theme(self, name):
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    async def key(self, key, text=""):
        codes = {"Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "Tab": 9, "End": 35, "Home": 36}
        code = codes.get(key, ord(key.upper()) if len(key) == 1 else 0)
        more = {"text": text} if text else {}
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **more)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    async def write(self, text):
        await self.call("Input.insertText", text=text)

    async def click(self, selector):
        """Click with the mouse where an element is."""
        box = await self.wait_for(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); if (!e) return null;"
            " e.scrollIntoView({block: 'nearest'}); const r = e.getBoundingClientRect();"
            " return r.width > 0 ? [r.x + r.width / 2, r.y + r.height / 2] : null; })()")
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    async def screenshot(self, file):
        result = await self.call("Page.captureScreenshot", format="png")
        with open(file, "wb") as target:
            target.write(base64.b64decode(result["data"]))
