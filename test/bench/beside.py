#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HTTP and WebSockets in one libwebsockets program, alone and together. Usage: beside.py BUILD

samples/embed_lws serves pages to 8 connections, echoes to 20 peers of gdws, and does both, in turn,
BENCH_ROUNDS times (9) for BENCH_MS (1000) each. What counts is the server's CPU time by the kernel's
accounting: for a page, for a message, and for both together against the sum of what they cost alone."""
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import time

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "9"))
SECONDS = int(os.environ.get("BENCH_MS", "1000")) / 1000
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPGRADE = (b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
           b"Sec-WebSocket-Protocol: echo\r\n\r\n")
IN_FLIGHT = 16
FRAMES = bytes.fromhex("8294 00000000" + "61" * 20) * IN_FLIGHT


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def read(connection, length):
    while length > 0:
        length -= len(connection.recv(length))


def read_head(connection):
    text = b""
    while not text.endswith(b"\r\n\r\n"):
        text += connection.recv(1)
    return text


def fetch_pages(port, count):
    connections = [connect(port) for _ in range(8)]
    connections[0].sendall(REQUEST)
    head = read_head(connections[0])
    body = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    read(connections[0], body)
    while True:
        for connection in connections:
            connection.sendall(REQUEST)
        for connection in connections:
            read(connection, len(head) + body)
        count.value += len(connections)


def send_messages(port, count):
    connections = [connect(port) for _ in range(20)]
    for connection in connections:
        connection.sendall(UPGRADE)
        assert read_head(connection).startswith(b"HTTP/1.1 101 ")
    while True:
        for connection in connections:
            connection.sendall(FRAMES)
        for connection in connections:
            read(connection, 22 * IN_FLIGHT)
        count.value += len(connections) * IN_FLIGHT


def cpu_ns(pid):
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0])


def run(server, port, loads):
    """The server's CPU time in us, and how much each load has done meanwhile."""
    counts = [multiprocessing.Value("Q", 0, lock=False) for _ in loads]
    processes = [multiprocessing.Process(target=load, args=(port, count), daemon=True)
                 for load, count in zip(loads, counts)]
    for process in processes:
        process.start()
    while not all(count.value for count in counts):
        time.sleep(0.01)
    before, begun = [count.value for count in counts], cpu_ns(server.pid)
    time.sleep(SECONDS)
    done = [count.value - earlier for count, earlier in zip(counts, before)]
    used = (cpu_ns(server.pid) - begun) / 1000
    for process in processes:
        process.terminate()
        process.join()
    return used, done


server = subprocess.Popen([f"{sys.argv[1]}/samples/embed_lws", "0"], stdout=subprocess.PIPE, text=True)
port = int(server.stdout.readline().split()[-1])
pages, messages, ratios = [], [], []
try:
    for _ in range(ROUNDS):
        used, (fetched,) = run(server, port, [fetch_pages])
        pages.append(used / fetched)
        used, (echoed,) = run(server, port, [send_messages])
        messages.append(used / echoed)
        used, (fetched, echoed) = run(server, port, [fetch_pages, send_messages])
        ratios.append(used / (fetched * pages[-1] + echoed * messages[-1]))
        print(f"page {pages[-1]:6.2f} us   message {messages[-1]:5.2f} us   together {ratios[-1]:.3f} of the sum"
              f"   ({fetched} pages, {echoed} messages)")
finally:
    server.kill()
    server.wait()
print(f"medians: page {statistics.median(pages):.2f} us, message {statistics.median(messages):.2f} us, "
      f"together {statistics.median(ratios):.3f} of the sum")
