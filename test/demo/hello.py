#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Say something to the echo server. Usage: hello.py URL TEXT"""
import asyncio
import sys

import websockets


async def main():
    async with websockets.connect(sys.argv[1], compression=None) as ws:
        print("python says:", sys.argv[2])
        await ws.send(sys.argv[2])
        answer = await ws.recv()
        print("python hears:", answer)
        assert answer == sys.argv[2]


asyncio.run(asyncio.wait_for(main(), 15))
