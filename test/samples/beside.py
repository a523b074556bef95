#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pages, a program's own protocol and gdws on one port of libwebsockets. Usage: beside.py PORT

20 peers of gdws echo, a peer of the program's own protocol hears the clock, and a page is fetched
between any two messages, on one connection."""
import socket
import sys

port = int(sys.argv[1])
FRAME = bytes.fromhex("8285 37fa213d 7f9f4d5158")  # "Hello", masked
ECHO = b"\x82\x05Hello"


def connect():
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def read_until(connection, is_whole):
    text = b""
    while not is_whole(text):
        piece = connection.recv(65536)
        assert piece, f"ended after {text!r}"
        text += piece
    return text


def join(protocol):
    connection = connect()
    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       b"Sec-WebSocket-Protocol: " + protocol + b"\r\n\r\n")
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)
        assert piece, f"ended after {answer!r}"
        answer += piece
    assert answer.startswith(b"HTTP/1.1 101 "), answer
    assert b"Sec-WebSocket-Protocol: " + protocol + b"\r\n" in answer, answer
    return connection


pages = connect()
peers = [join(b"echo") for _ in range(20)]
clock = join(b"clock")
fetched = echoed = 0
for _ in range(50):
    for peer in peers:
        peer.sendall(FRAME)
        pages.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        page = read_until(pages, lambda text: text.endswith(b"libwebsockets and gdws.\n"))
        assert page.startswith(b"HTTP/1.1 200 "), page
        fetched += 1
        assert read_until(peer, lambda text: len(text) >= len(ECHO)) == ECHO
        echoed += 1
time = read_until(clock, lambda text: len(text) >= 12)
assert time[0] == 0x81 and time[2:12].isdigit(), time
print(f"{fetched} pages and {echoed} echoes on one port")
