#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A compressed message of 1 MB that expands to 1 GB. Usage: python_bomb.py PORT PID"""
import os
import socket
import struct
import sys
import zlib

port, pid = int(sys.argv[1]), int(sys.argv[2])
compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
zeros = bytes(1 << 20)
bomb = b"".join(compressor.compress(zeros) for _ in range(1024)) + compressor.flush(zlib.Z_SYNC_FLUSH)
bomb = bomb[:-4]
sock = socket.create_connection(("127.0.0.1", port), 20)
sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
             b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
answer = b""
while b"\r\n\r\n" not in answer:
    answer += sock.recv(4096)
assert b"permessage-deflate" in answer, answer
try:
    # The mask is all zero.
    sock.sendall(b"\xc2\xff" + struct.pack(">Q", len(bomb)) + bytes(4) + bomb)
except ConnectionError:
    pass
frame = sock.recv(4096)
assert frame[0] == 0x88 and struct.unpack(">H", frame[2:4])[0] == 1009, frame
with open(f"/proc/{pid}/status", encoding="ascii") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(f"{len(bomb)} bytes that expand to {1024 * len(zeros)}: closed with 1009, the process had {peak} kB at most")
assert peak < 65536, peak
