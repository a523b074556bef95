# SPDX-License-Identifier: MIT
# A player of a multiplayer session, in Godot: says one thing to each kind of target, hears what the
# others say, reports to the server, and leaves as it is told. multiplayer.c is its like in C.
# The environment variable GDWS_ARGUMENTS holds the URL and the number of players.
extends SceneTree

var client = WebSocketClient.new()
var count
var others = []
var heard = {}
var has_spoken = false
var has_reported = false
var is_leaving = false
var big = PoolByteArray()


func _init():
	var words = OS.get_environment("GDWS_ARGUMENTS").split(" ", false)
	count = int(words[1])
	for i in range(60000):
		big.append(i % 251)
	client.set_buffers(1024, 1024, 1024, 1024)
	client.connect("peer_connected", self, "on_connected")
	client.connect("peer_disconnected", self, "on_disconnected")
	client.connect("connection_succeeded", self, "on_succeeded")
	client.connect("connection_failed", self, "on_failed")
	client.connect("peer_packet", self, "on_packet")
	if client.connect_to_url(words[0], PoolStringArray(), true) != OK:
		print("WRONG: cannot connect")
		quit(1)


func on_connected(id):
	if id != 1:
		others.append(id)


func on_succeeded():
	print("joined")


func say(target, bytes):
	client.set_target_peer(target)
	if client.put_packet(bytes) != OK:
		print("WRONG: a packet was refused")


func speak():
	has_spoken = true
	say(0, "all".to_utf8())
	say(1, "server".to_utf8())
	for id in others:
		say(id, "one".to_utf8())
		say(-id, "but one".to_utf8())
	say(-1, "players".to_utf8())
	say(0, big)
	say(0, "end".to_utf8())


func on_packet(_id):
	while client.get_available_packet_count() > 0:
		var from = client.get_packet_peer()
		var bytes = client.get_packet()
		if from == 1:
			obey(bytes.get_string_from_utf8())
		else:
			note(from, "big" if bytes == big else bytes.get_string_from_utf8())


func note(from, what):
	if not heard.has(from):
		heard[from] = {}
	heard[from][what] = heard[from].get(what, 0) + 1
	if what == "end":
		check(from)


func check(from):
	var seen = heard[from]
	# "" is the empty packet, which Godot itself cannot send.
	var expected = {"all": 1, "one": 1, "but one": count - 2, "players": 1, "big": 1, "end": 1}
	if seen.has(""):
		expected[""] = 1
	for what in expected:
		if seen.get(what, 0) != expected[what]:
			print("WRONG: %d times '%s' from %d" % [seen.get(what, 0), what, from])
	if seen.size() != expected.size():
		print("WRONG: heard ", seen.keys())


func obey(order):
	if order == "close":
		is_leaving = true
		client.disconnect_from_host(1000, "")
	elif order == "die":
		print("dying")
		OS.kill(OS.get_process_id())
	elif order != "hello":
		print("WRONG: order ", order)


func on_disconnected(id):
	others.erase(id)
	say(1, "gone".to_utf8())


func on_failed():
	# Godot 3.2's only signal for an end.
	print("over")
	quit(0)


func _idle(_delta):
	client.poll()
	if not has_spoken and others.size() == count - 1:
		speak()
	if has_spoken and not has_reported and heard.size() == count - 1:
		has_reported = true
		for from in heard:
			if not heard[from].has("end"):
				has_reported = false
		if has_reported:
			say(1, "done".to_utf8())
	return false
