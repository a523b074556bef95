# SPDX-License-Identifier: MIT
"""The echo server of the benchmark, with python3-websockets."""
import asyncio

import websockets


async def echo(socket, _path=None):
    async for message in socket:
        await socket.send(message)


async def main():
    async with websockets.serve(echo, "127.0.0.1", 0, compression=None, max_size=None) as server:
        print("listening on", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
