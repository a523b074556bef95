#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""python3-websockets as an echo server for gdws clients. Usage: python_server.py [PROTOCOL]

GDWS_COMPRESSION: nothing, or how to compress: the names in compression.py."""
import asyncio
import os
import ssl
import sys

import websockets

import compression


async def echo(ws, *_):
    print("extensions", ws.extensions, flush=True)
    try:
        async for message in ws:
            if message == "close me":
                await ws.close(4002, "as you asked")
            else:
                await ws.send(message)
    except websockets.ConnectionClosed:
        pass
    print(f"closed code={ws.close_code} reason={ws.close_reason}", flush=True)


async def main():
    protocols = sys.argv[1:] or None
    context = None
    if "GDWS_KEY" in os.environ:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(os.environ["GDWS_CERTIFICATE"], os.environ["GDWS_KEY"])
    async with websockets.serve(echo, "127.0.0.1", 0, subprotocols=protocols, ssl=context,
                                **compression.of_server()) as server:
        print("listening on", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
