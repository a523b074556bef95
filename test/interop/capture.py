#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write down what clients of a multiplayer server see on the wire (Godot 3), message for message, in a
fixed scenario: ids are replaced by names, so that two servers can be compared. Usage: capture.py PORT"""
import os
import socket
import struct
import sys

port = int(sys.argv[1])
names = {0: "all", 1: "server", -1: "-server"}


def name(number):
    if number in names:
        return names[number]
    return "-" + names[-number] if -number in names else str(number)


class Player:
    def __init__(self, letter):
        self.letter = letter
        self.buffer = b""
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(10)
        self.socket.sendall(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        answer = self.until(b"\r\n\r\n")
        self.is_in = answer.startswith(b"HTTP/1.1 101")
        self.id = 0

    def fill(self):
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            piece = b""
        self.buffer += piece
        return piece != b""

    def until(self, end):
        while end not in self.buffer:
            if not self.fill():
                return b""
        found, self.buffer = self.buffer.split(end, 1)
        return found

    def take(self, count):
        while len(self.buffer) < count:
            if not self.fill():
                return None
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def frame(self):
        head = self.take(2)
        if head is None:
            return None, b""
        length = head[1] & 127
        if length == 126:
            length = struct.unpack(">H", self.take(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self.take(8))[0]
        return head[0], self.take(length)

    def send(self, payload, first=0x82):
        key = os.urandom(4)
        length = len(payload)
        head = bytes([first])
        if length < 126:
            head += bytes([0x80 | length])
        else:
            head += bytes([0x80 | 126]) + struct.pack(">H", length)
        self.socket.sendall(head + key + bytes(b ^ key[i & 3] for i, b in enumerate(payload)))

    def say(self, target, payload):
        self.send(struct.pack("<bii", 0, self.id, target) + payload)

    def ask(self, wish):
        self.say(1, b"please " + wish.encode())

    def close(self):
        self.send(b"\x03\xe8", 0x88)
        first, payload = self.frame()
        while first == 0x82:
            show(self, first, payload)
            first, payload = self.frame()
        show(self, first, payload)
        self.socket.close()

    def kill(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def describe(first, payload):
    if first is None:
        return "end"
    if first == 0x88:
        return "close " + payload.hex()
    if first != 0x82 or len(payload) < 9:
        return "frame %02x %s" % (first, payload.hex())
    kind, source, target = struct.unpack("<bii", payload[:9])
    rest = payload[9:]
    if kind == 0:
        content = rest.hex() if len(rest) < 100 else "%d bytes, sum %d" % (len(rest), sum(rest))
        return "payload from %s to %s: %s" % (name(source), name(target), content)
    about = struct.unpack("<i", rest)[0] if len(rest) == 4 else None
    return "type %d from %d to %d: %s" % (kind, source, target, name(about))


def show(player, first, payload):
    print("%s sees %s" % (player.letter, describe(first, payload)))


def see(player, count=1):
    for _ in range(count):
        show(player, *player.frame())


def join(letter, present):
    """The one who comes, then those who are there, each of whom must see it."""
    player = Player(letter)
    first, payload = player.frame()
    player.id = struct.unpack("<i", payload[9:13])[0]
    names[player.id] = letter
    show(player, first, payload)
    see(player)
    # The present ones come in ascending order of id, which is not that of the letters.
    added = [player.frame() for _ in present]
    ids = [struct.unpack("<i", payload[9:13])[0] for _, payload in added]
    print("%s sees ascending ids: %s" % (letter, ids == sorted(ids) and len(set(ids)) == len(ids)))
    for text in sorted(describe(*one) for one in added):
        print("%s sees %s" % (letter, text))
    for other in present:
        see(other)
    return player


a = join("A", [])
b = join("B", [a])
c = join("C", [a, b])
d = join("D", [a, b, c])
everybody = [a, b, c, d]
big = bytes(i % 251 for i in range(60000))

print("--- broadcast, empty, 60 KB")
for sender in everybody:
    for payload in [b"hi", b"", big]:
        sender.say(0, payload)
    for other in everybody:
        if other is not sender:
            see(other, 3)
print("--- single targets, all but one, all but the server")
for sender in everybody:
    for target in everybody:
        if target is not sender:
            sender.say(target.id, b"one")
            see(target)
            sender.say(-target.id, b"but")
            for other in everybody:
                if other is not sender and other is not target:
                    see(other)
    sender.say(-1, b"players")
    sender.say(-sender.id, b"but me")
    for other in everybody:
        if other is not sender:
            see(other, 2)
print("--- what is dropped")
a.send(struct.pack("<bii", 1, a.id, 0) + struct.pack("<i", 5))
a.send(struct.pack("<bii", 0, b.id, 0) + b"forged")
a.send(struct.pack("<bii", 0, a.id, a.id) + b"to itself")
a.send(struct.pack("<bii", 0, a.id, 3) + b"to nobody")
a.send(b"\x00\x01\x02")
a.say(0, b"still here")
for other in [b, c, d]:
    see(other)
print("--- the server speaks")
for target in [0, c.id, -c.id, -1]:
    a.ask("say %d text" % target)
    for other in everybody:
        if target == 0 or target == other.id or (target < 0 and -target != other.id):
            see(other)
print("--- somebody is refused")
a.ask("refuse true")
for other in everybody:
    see(other)
print("is in: %s" % Player("E").is_in)
a.ask("refuse false")
for other in everybody:
    see(other)
e = join("E", everybody)
print("--- they leave: by close, by a lost connection, kicked")
e.close()
for other in everybody:
    see(other)
d.kill()
for other in [a, b, c]:
    see(other)
a.ask("kick %d" % c.id)
see(c)
c.send(b"\x03\xe8", 0x88)
see(c)
for other in [a, b]:
    see(other)
a.ask("say 0 end")
for other in [a, b]:
    see(other)
