#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The inspector's page in a real Chromium. Usage: inspector.py PORT URL CROWD [PICTURES]

PORT and URL: of samples/inspected_server. CROWD: the program test/interop/crowd. PICTURES: a directory
for screenshots."""
import asyncio
import http.server
import json
import re
import subprocess
import sys
import threading
import time

import websockets

from cdp import Browser

PORT, URL, CROWD = sys.argv[1:4]
PICTURES = sys.argv[4] if len(sys.argv) > 4 else None
TOKEN = URL.split("/")[3]
BASE = URL[:URL.index(TOKEN)]
SCRIPT = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>&amp;"

# What the page shows, as the tests read it.
ROWS = """(selector => [...document.querySelectorAll(selector + " .viewport .row")].filter(row => !row.hidden)
    .sort((a, b) => a.index - b.index).map(row => [...row.children].map(cell => cell.textContent)))"""
PEERS = f'{ROWS}("#peers")'
PACKETS = f'{ROWS}("#packets")'
PAYLOAD = """[...document.querySelectorAll("#payload .row")].filter(row => !row.hidden)
    .sort((a, b) => a.index - b.index).map(row => row.textContent)"""
TIME, OBJECT, PEER, WAY, KIND, LENGTH, CONTENT = range(7)


def text_of(element):
    return f'document.getElementById("{element}")?.textContent'


async def picture(browser, name):
    if PICTURES:
        await browser.screenshot(f"{PICTURES}/{name}.png")


async def choose(browser, name, value):
    await browser.click(f"input[name={name}][value={value}] + span")


async def fill(browser, selector, text):
    await browser.evaluate(f"document.querySelector({json.dumps(selector)}).select()")
    await browser.click(selector)
    await browser.evaluate(f"document.querySelector({json.dumps(selector)}).select()")
    if text:
        await browser.write(text)
    else:
        await browser.evaluate(f"(e => {{ e.value = ''; e.dispatchEvent(new Event('input')); }})(document.querySelector({json.dumps(selector)}))")


async def connect_all(count):
    return [await websockets.connect(f"ws://127.0.0.1:{PORT}", subprotocols=["chat"], max_size=None)
            for _ in range(count)]


async def exchange(client, message):
    await client.send(message)
    assert await asyncio.wait_for(client.recv(), 20) == message


async def shows_peers_and_packets(browser, clients):
    await browser.wait_for(f'{text_of("peer-count")} === "50"')
    for number, client in enumerate(clients):
        await exchange(client, f"hello from {number}")
    await browser.wait_for(f'{text_of("packet-count")} === "100"')
    await browser.wait_for(f"{PEERS}.some(row => row[6] === '1' && row[8] === '1' && row[4] === 'chat')")
    await browser.wait_for(f"{PACKETS}.at(-1)[{CONTENT}] === 'hello from 49'")
    await browser.click("#peers .head .c-id")
    ids = await browser.wait_for(f"(rows => rows.length > 5 && Number(rows[0][1]) > Number(rows[1][1]) && rows.map(row => Number(row[1])))({PEERS})")
    assert ids == sorted(ids, reverse=True), ids
    await browser.click("#peers .head .c-id")
    await browser.wait_for(f"(rows => Number(rows[0][1]) < Number(rows[1][1]))({PEERS})")
    assert float(await browser.evaluate("document.getElementById('messages').getAttribute('aria-label').length")) > 20
    await picture(browser, "peers")


async def filters(browser, clients):
    await fill(browser, "#text", "from 4")
    await browser.wait_for(f'{text_of("packet-count")} === "22 of 100"')
    await choose(browser, "direction", "sent")
    await browser.wait_for(f'{text_of("packet-count")} === "11 of 100"')
    await browser.wait_for(f"(rows => rows.length > 0 && rows.every(row => row[{WAY}] === '\u2191' && row[{CONTENT}].includes('from 4')))({PACKETS})")
    await fill(browser, "#text", "")
    await choose(browser, "direction", "both")
    port = clients[7].local_address[1]
    await fill(browser, "#peer-search", str(port))
    await browser.wait_for(f'{text_of("peer-count")} === "1 of 50"')
    await browser.click("#peers .viewport .row .c-address")
    await browser.wait_for(f'{text_of("packet-count")} === "2 of 100"')
    await browser.wait_for(f"{PACKETS}.map(row => row[{CONTENT}]).join() === 'hello from 7,hello from 7'")
    # Now the program chooses, too: what others say is not even sent to the page.
    await exchange(clients[8], "not shown")
    await exchange(clients[7], "shown")
    await browser.wait_for(f'{text_of("packet-count")} === "4 of 102"')
    await browser.click("#peer-filter")
    await browser.wait_for(f'{text_of("packet-count")} === "102"')
    await fill(browser, "#peer-search", "")


async def shown_and_passed(browser):
    shown = int(await browser.evaluate(text_of("packet-count")))
    passed = re.match(r"Paused: (\d+) packets", await browser.evaluate(text_of("left-out")))
    return shown, int(passed[1]) if passed else 0


async def until(holds, what, seconds=20):
    limit = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < limit, f"waited in vain: {what}"


async def pauses(browser, clients):
    before, _ = await shown_and_passed(browser)
    sent = 0

    async def is_paused():
        # Some may come before the program has heard of the pause; each is shown or has passed.
        nonlocal sent
        shown, passed = await shown_and_passed(browser)
        if passed > 0:
            return shown + passed == before + sent
        await exchange(clients[0], "is it paused")
        sent += 2
        return False

    await browser.click("#pause")
    await browser.wait_for("document.getElementById('pause').getAttribute('aria-pressed') === 'true'")
    await until(is_paused, "the pause")
    shown, passed = await shown_and_passed(browser)
    for _ in range(10):
        await exchange(clients[0], "while it is paused")
    await browser.wait_for(f'{text_of("left-out")}.startsWith("Paused: {passed + 20} packets have passed.")')
    assert (await shown_and_passed(browser))[0] == shown

    async def goes_on():
        await exchange(clients[0], "and on")
        return await browser.evaluate(f"{PACKETS}.at(-1)[{CONTENT}] === 'and on'")

    await browser.click("#pause")
    await browser.wait_for(f'{text_of("left-out")} === ""')
    await until(goes_on, "packets after the pause")
    # What is on its way is there before the list is cleared.
    await exchange(clients[0], "the last one")
    await browser.wait_for(f"{PACKETS}.at(-1)[{CONTENT}] === 'the last one'")
    await browser.click("#clear")
    await browser.wait_for(f'{text_of("packet-count")} === "0"')


async def open_last(browser, clients, message, length):
    """Send a message, and open it in the list of packets."""
    before = int(await browser.evaluate(text_of("packet-count")))
    await exchange(clients[1], message)
    await browser.wait_for(f'{text_of("packet-count")} === "{before + 2}"')
    await browser.wait_for(f"{PACKETS}.at(-1)?.[{LENGTH}] === {json.dumps(length)}")
    await browser.click("#packets .viewport")
    await browser.key("End")
    await browser.wait_for(f'{text_of("detail-note")} !== "loading" && document.querySelectorAll("#payload .row").length > 0')


async def payload_rows(browser, view):
    await choose(browser, "view", view)
    await browser.drawn()
    return await browser.evaluate(PAYLOAD)


def hex_row(data, at):
    piece = data[at:at + 16]
    codes = "".join(f"{byte:02x} " + (" " if i % 8 == 7 else "") for i, byte in enumerate(piece))
    letters = "".join(chr(byte) if 0x20 <= byte < 0x7f else "\u00b7" for byte in piece)
    return f"{at:08x}  {codes} {letters}"


async def shows_payloads_as_they_are(browser, clients):
    await open_last(browser, clients, SCRIPT, f"{len(SCRIPT)} B")
    assert "".join(await payload_rows(browser, "text")) == SCRIPT
    assert (await payload_rows(browser, "hex"))[0] == hex_row(SCRIPT.encode(), 0)
    assert await browser.evaluate("window.hacked") is None
    assert await browser.evaluate("document.querySelectorAll('main script, main img').length") == 0

    every = bytes(range(256))
    await open_last(browser, clients, every, "256 B")
    rows = await payload_rows(browser, "hex")
    assert rows[:16] == [hex_row(every, at) for at in range(0, 256, 16)], rows
    await picture(browser, "hex")

    invalid = b"caf\xe9 \xff\xfe \xed\xa0\x80"
    await open_last(browser, clients, invalid, f"{len(invalid)} B")
    rows = await payload_rows(browser, "text")
    assert rows == ["caf\ufffd \ufffd\ufffd \ufffd\ufffd\ufffd"], rows
    assert "no UTF-8" in await browser.evaluate(text_of("detail-note"))
    assert (await payload_rows(browser, "hex"))[0].startswith("00000000  63 61 66 e9 20 ff fe 20  ed a0 80 ")

    document = '{"big": 12345678901234567890, "list": [1.50, {}, []], "text": "a\\"},{\\u0041"}'
    await open_last(browser, clients, document, f"{len(document)} B")
    rows = await payload_rows(browser, "json")
    assert rows == ["{", '  "big": 12345678901234567890,', '  "list": [', "    1.50,", "    {},", "    []", "  ],",
                    '  "text": "a\\"},{\\u0041"', "}"], rows
    await picture(browser, "json")

    nothing = "a\x00b\x1b[31m\u202edcba\u2066"
    await open_last(browser, clients, nothing, f"{len(nothing.encode())} B")
    assert await payload_rows(browser, "text") == ["a\u2400b\u241b[31m\u27e8U+202E\u27e9dcba\u27e8U+2066\u27e9"]

    large = bytes((i * 7 + i // 251) % 256 for i in range(1 << 20))
    await open_last(browser, clients, large, "1.0 MiB")
    for at in (0, 500000 // 16 * 16, (1 << 20) - 16):
        await payload_rows(browser, "hex")
        await browser.evaluate(f'document.querySelector("#payload .viewport").scrollTop = {at // 16 * 19}')
        await browser.wait_for(f"{PAYLOAD}.includes({json.dumps(hex_row(large, at))})")
    text = "x" * (1 << 20)
    await open_last(browser, clients, text, "1.0 MiB")
    rows = await payload_rows(browser, "text")
    assert len(rows) > 3 and set("".join(rows)) == {"x"}
    await exchange(clients[1], "password 123")
    await browser.wait_for(f"{PACKETS}.at(-2)[{CONTENT}] === 'password ***'")


async def can_be_used_by_keyboard(browser):
    await browser.key("Escape")
    await browser.wait_for("document.getElementById('detail').hidden")
    assert await browser.evaluate("document.activeElement.className") == "viewport"
    await browser.key("Home")
    first = await browser.wait_for("!document.getElementById('detail').hidden && document.getElementById('detail-title').textContent")
    await browser.key("ArrowDown")
    await browser.wait_for(f"document.getElementById('detail-title').textContent !== {json.dumps(first)}")
    await browser.key("Escape")
    await browser.key("/")
    await browser.wait_for("document.activeElement.id === 'text'")
    # Every control can be reached, and is seen to have the focus.
    seen = set()
    for _ in range(40):
        await browser.key("Tab")
        seen.add(await browser.evaluate("document.activeElement.id || document.activeElement.textContent.slice(0, 12)"))
    for name in ("pause", "clear", "download", "theme", "peer-search", "State", "Received"):
        assert name in seen, (name, seen)


async def closes_a_peer(browser, clients):
    port = clients[9].local_address[1]
    await fill(browser, "#peer-search", str(port))
    await browser.wait_for(f"(rows => rows.length === 1 && rows[0][3].endsWith(':{port}'))({PEERS})")
    await browser.click("#peers .viewport .row .act")
    await browser.wait_for(f'{text_of("close-who")}.endsWith(":{port}")')
    await browser.wait_for("document.getElementById('close-dialog').open")
    await picture(browser, "close")
    await fill(browser, "#close-code", "1005")
    await browser.click("#close-confirm")
    await browser.wait_for(f'{text_of("close-error")}.includes("must be")')
    await fill(browser, "#close-code", "4001")
    await fill(browser, "#close-reason", "enough \u2764")
    await browser.click("#close-confirm")
    await browser.wait_for(f'{text_of("toast")}.endsWith("is being closed.")')
    await asyncio.wait_for(clients[9].wait_closed(), 10)
    assert (clients[9].close_code, clients[9].close_reason) == (4001, "enough \u2764"), clients[9].close_code
    await fill(browser, "#peer-search", "")
    await browser.wait_for(f'{text_of("peer-count")} === "49"')


async def fits_everywhere(browser):
    colors = []
    for theme in ("light", "dark"):
        await browser.theme(theme)
        colors.append(await browser.evaluate("getComputedStyle(document.body).backgroundColor"))
        for width, height, name in ((1360, 900, "wide"), (800, 900, "middle"), (360, 780, "narrow")):
            await browser.size(width, height, 2 if width == 360 else 1, width == 360)
            await browser.drawn()
            assert await browser.evaluate("document.documentElement.scrollWidth") <= width, name
            await picture(browser, f"{theme}-{name}")
    assert colors[0] != colors[1]
    await browser.size(1360, 900)
    await browser.click("#theme")
    assert await browser.evaluate("getComputedStyle(document.body).backgroundColor") == colors[0]


def serve_foreign_page():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>foreign</title>")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


async def refuses_others(browser):
    for path in ("", "0" * 32 + "/", TOKEN):
        await browser.open(BASE + path)
        await browser.wait_for("document.body?.textContent.startsWith('Open the whole URL')")
    await browser.open(URL.replace("127.0.0.1", "evil.example"))
    await browser.wait_for("document.body?.textContent.startsWith('The inspector is found by number')")
    await browser.open(f"http://127.0.0.1:{serve_foreign_page()}/")
    await browser.wait_for("document.title === 'foreign'")
    socket = f"new WebSocket('{URL.replace('http', 'ws')}socket')"
    assert await browser.evaluate(f"new Promise(done => {{ const s = {socket}; s.onopen = () => done('open'); s.onclose = e => done(e.code); }})") == 1006
    assert await browser.evaluate(f"fetch('{URL}').then(() => 'read', error => error.name)") == "TypeError"
    # Neither as a frame nor as a script.
    assert await browser.evaluate(f"new Promise(done => {{ const f = document.createElement('iframe'); f.src = '{URL}'; f.onload = () => done(f.contentDocument === null); document.body.append(f); }})")
    assert await browser.evaluate(f"new Promise(done => {{ const s = document.createElement('script'); s.src = '{URL}list.js'; s.onload = () => done('run'); s.onerror = () => done('refused'); document.body.append(s); }})") == "refused"


async def does_not_freeze(browser):
    """1,000 peers, and 5,000 packets a second."""
    crowd = subprocess.Popen([CROWD, "1000", "3000"], stdout=subprocess.PIPE, text=True)
    try:
        url = crowd.stdout.readline().split()[-1]
        await browser.open(url)
        await browser.wait_for(f'document.getElementById("peer-count")?.textContent === "1,000"', 60)
        longest = await browser.evaluate("""new Promise(done => { let last = performance.now(), longest = 0, frames = 0;
            const frame = () => { const now = performance.now(); longest = Math.max(longest, now - last); last = now;
            if (++frames < 200) requestAnimationFrame(frame); else done(longest); }; requestAnimationFrame(frame); })""")
        assert longest < 1000, longest
        await browser.wait_for(f'{text_of("left-out")}.includes("packets were left out")')
        await browser.click("#peers .head .c-received")
        await browser.wait_for(f"(rows => rows.length > 5 && Number(rows[0][6]) >= Number(rows[5][6]))({PEERS})")
        print(f"longest frame of 200 with 1,000 peers and 5,000 packets a second: {longest:.0f} ms")
        await picture(browser, "crowd")
    finally:
        crowd.kill()
        crowd.wait()


async def main():
    clients = await connect_all(50)
    async with Browser("--host-resolver-rules=MAP evil.example 127.0.0.1") as browser:
        await browser.size(1360, 900)
        await browser.theme("light")
        await browser.open(URL)
        for step in (shows_peers_and_packets, filters, pauses, shows_payloads_as_they_are):
            await step(browser, clients)
            print("ok", step.__name__, flush=True)
        await can_be_used_by_keyboard(browser)
        await closes_a_peer(browser, clients)
        await fits_everywhere(browser)
        assert browser.complaints == [], browser.complaints
        await does_not_freeze(browser)
        assert browser.complaints == [], browser.complaints
        await refuses_others(browser)
    for client in clients:
        await client.close()
    print("inspector page: all right")


asyncio.run(main())
