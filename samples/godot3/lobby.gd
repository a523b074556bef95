# SPDX-License-Identifier: MIT
# A player: joins the lobby server, asks the first other player a question by RPC, answers when it is
# asked, and leaves. The server is written in C and knows nothing of RPCs: it passes them on.
# The environment variables GDWS_URL and GDWS_NAME say where to and who.
extends Node

var client = WebSocketClient.new()
var is_answered = false
var has_answered = false
var is_leaving = false


func _ready():
	get_tree().connect("connected_to_server", self, "on_joined")
	get_tree().connect("connection_failed", self, "on_failed")
	get_tree().connect("network_peer_connected", self, "on_player_came")
	get_tree().connect("network_peer_disconnected", self, "on_player_went")
	get_tree().multiplayer.connect("network_peer_packet", self, "on_raw_packet")
	# The last true: speak to Godot's multiplayer API.
	var error = client.connect_to_url(OS.get_environment("GDWS_URL"), PoolStringArray(), true)
	if error != OK:
		say("cannot connect: %d" % error)
		get_tree().quit(1)
	get_tree().network_peer = client


func say(text):
	print(OS.get_environment("GDWS_NAME"), ": ", text)


func on_joined():
	say("joined")


# Godot 3.2's only signal for the end of a connection, whatever ended it.
func on_failed():
	say("is gone" if is_leaving else "connection failed")
	get_tree().quit(0 if is_leaving else 1)


func on_player_came(id):
	if id != 1:
		say("another player is here")
		rpc_id(id, "ask", OS.get_environment("GDWS_NAME"), 6, 7)


remote func ask(who, a, b):
	say("is asked by %s for %d times %d" % [who, a, b])
	rpc_id(get_tree().get_rpc_sender_id(), "answer", OS.get_environment("GDWS_NAME"), a * b)
	has_answered = true


remote func answer(who, result):
	say("hears from %s: %d" % [who, result])
	is_answered = true


func on_raw_packet(_id, packet):
	say("packet: " + packet.get_string_from_utf8())


func on_player_went(id):
	if id != 1:
		say("the other player has left")


func _process(_delta):
	if is_answered and has_answered and not is_leaving:
		is_leaving = true
		# A moment for the others, so that they need not answer somebody who has left.
		yield(get_tree().create_timer(0.5), "timeout")
		say("leaves")
		client.disconnect_from_host()
