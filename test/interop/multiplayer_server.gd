# SPDX-License-Identifier: MIT
# The server of a multiplayer session, in Godot: lets the players talk, then makes the first one close,
# the second one die and kicks the others. It also does what capture.py asks for. multiplayer.c is its
# like in C. The environment variable GDWS_ARGUMENTS holds the port and the number of players.
extends SceneTree

var server = WebSocketServer.new()
var count
var players = []
var heard = {}
var done = 0
var gone = 0
var left = 0


func _init():
	var words = OS.get_environment("GDWS_ARGUMENTS").split(" ", false)
	count = int(words[1])
	server.set_buffers(1024, 1024, 1024, 1024)
	server.bind_ip = "127.0.0.1"
	server.connect("peer_connected", self, "on_connected")
	server.connect("peer_disconnected", self, "on_disconnected")
	server.connect("peer_packet", self, "on_packet")
	if server.listen(int(words[0]), PoolStringArray(), true) != OK:
		print("cannot listen")
		quit(1)
	else:
		print("listening on ", words[0])


func say(target, text):
	server.set_target_peer(target)
	server.put_packet(text.to_utf8())


func on_connected(id):
	players.append(id)
	heard[id] = {}
	print("player %d joined" % players.size())
	if players.size() == count:
		say(0, "hello")


func on_packet(_id):
	while server.get_available_packet_count() > 0:
		var from = server.get_packet_peer()
		var bytes = server.get_packet()
		var what = "big" if bytes.size() == 60000 else bytes.get_string_from_utf8()
		if what.begins_with("please "):
			oblige(what.split(" "))
		elif what == "done":
			check(from)
			done += 1
			if done == count:
				order()
		elif what == "gone":
			gone += 1
			if gone == count - left:
				order()
		else:
			heard[from][what] = heard[from].get(what, 0) + 1


func check(from):
	# Godot 3.2.3 keeps a copy of what is for all but the server.
	var expected = {"all": 1, "server": 1, "but one": count - 1, "players": 1, "big": 1, "end": 1}
	for what in expected:
		if heard[from].get(what, 0) != expected[what]:
			print("WRONG: %d times '%s' from player %d" % [heard[from].get(what, 0), what, players.find(from) + 1])


func order():
	gone = 0
	if left == 0:
		say(players[0], "close")
	elif left == 1:
		say(players[1], "die")
	else:
		server.disconnect_peer(players[left])


func oblige(words):
	if words[1] == "say":
		say(int(words[2]), words[3])
	elif words[1] == "kick":
		server.disconnect_peer(int(words[2]))
	elif words[1] == "refuse":
		server.refuse_new_connections = words[2] == "true"
		say(0, "refusing")


func on_disconnected(_id):
	left += 1
	print("player left, %d so far" % left)
	if count > 0 and left == count:
		print("all have left")


func _idle(_delta):
	server.poll()
	return false
