#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""WebSockets through another server's hands. Usage: hand_over.py PORT COUNT

COUNT clients send an opening handshake with two frames behind it, cut in two at a random byte. Between
the two parts a page is fetched on another connection: the server, which has one thread, has read the
first part then. Each client must get its 101 and both echoes."""
import os
import random
import socket
import sys

port, count = int(sys.argv[1]), int(sys.argv[2])
seed = int.from_bytes(os.urandom(4), "little")
print(f"seed {seed}")
draw = random.Random(seed)
HEAD = (b"GET /chat?room=1 HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
FRAMES = bytes.fromhex("8285 37fa213d 7f9f4d5158 8284 01020304 75677070")  # "Hello" and "test", masked
ECHOES = b"\x82\x05Hello\x82\x04test"


def read_until(connection, is_whole):
    text = b""
    while not is_whole(text):
        piece = connection.recv(65536)
        assert piece, f"ended after {text!r}"
        text += piece
    return text


def fetch(connection):
    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    page = read_until(connection, lambda text: text.endswith(b"one port.\n"))
    assert page.startswith(b"HTTP/1.1 200 "), page


def join(split, pages):
    opening = HEAD + FRAMES
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if split:
        connection.sendall(opening[:split])
    fetch(pages)
    if split < len(opening):
        connection.sendall(opening[split:])
    heard = read_until(connection, lambda text: text.endswith(ECHOES))
    assert heard.startswith(b"HTTP/1.1 101 "), heard
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in heard, heard
    assert heard.count(b"\r\n\r\n") == 1 and heard.endswith(b"\r\n\r\n" + ECHOES), heard
    return connection


pages = socket.create_connection(("127.0.0.1", port), timeout=10)
in_head = in_frames = 0
connections = []
for number in range(count):
    split = draw.choice((draw.randint(0, len(HEAD)), draw.randint(len(HEAD), len(HEAD) + len(FRAMES))))
    in_head += split < len(HEAD)
    in_frames += split > len(HEAD)
    connections.append(join(split, pages))
    if len(connections) > 100:
        connections.pop(draw.randrange(len(connections))).close()
for connection in connections:
    connection.sendall(FRAMES)
    assert read_until(connection, lambda text: len(text) >= len(ECHOES)) == ECHOES
print(f"{count} handed over: {in_head} cut in the request, {in_frames} behind it, {count - in_head - in_frames} between")
