#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""python3-websockets as an echo server for gdws clients. Usage: python_server.py [PROTOCOL]"""
import asyncio
import sys

import websockets


async def echo(ws, *_):
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
    async with websockets.serve(echo, "127.0.0.1", 0, subprotocols=protocols) as server:
        print("listening on", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
