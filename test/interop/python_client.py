#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""python3-websockets as the client of a gdws echo server. Usage: python_client.py URL [PROTOCOL]

GDWS_COMPRESSION: nothing, or how to compress: the names in compression.py."""
import asyncio
import os
import ssl
import sys

import websockets

import compression


async def main():
    url = sys.argv[1]
    protocols = sys.argv[2:] or None
    context = ssl.create_default_context(cafile=os.environ["GDWS_TRUSTED"]) if url.startswith("wss") else None
    async with websockets.connect(url, subprotocols=protocols, ssl=context, **compression.of_client()) as ws:
        assert (ws.subprotocol or "") == "".join(sys.argv[2:]), ws.subprotocol
        for i in range(1000):
            size = i * 7919 % 60000 + 1
            message = "\u00e4b" * (size // 2) if i % 2 else bytes((i + j) % 256 for j in range(size))
            await ws.send(message)
            assert await ws.recv() == message, i
        assert len(ws.extensions) == ("GDWS_COMPRESSION" in os.environ), ws.extensions
        for size in [0, 1, 31, 32, 65535, 65536, 10**6, 10**7] if ws.extensions else []:
            for message in ["ab\u00e4c" * (size // 5), os.urandom(size // 4) * 4]:
                await ws.send(message)
                assert await ws.recv() == message, size
        await ws.send("")
        assert await ws.recv() == ""
        await ws.send("empty please")
        assert await ws.recv() == b""
        assert await ws.recv() == "that was it"
        await (await ws.ping(b"are you there"))
        await ws.send("report python 1003 messages echoed")
        await ws.close(4001, "goodbye")
        assert ws.close_code == 4001, ws.close_code
    async with websockets.connect(url, subprotocols=protocols, ssl=context, **compression.of_client()) as ws:
        await ws.send("close me")
        try:
            await ws.recv()
        except websockets.ConnectionClosed:
            pass
        assert (ws.close_code, ws.close_reason) == (4002, "as you asked"), ws.close_code


asyncio.run(asyncio.wait_for(main(), 60))
