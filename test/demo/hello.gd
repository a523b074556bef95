# SPDX-License-Identifier: MIT
# Godot 3 says something to the echo server. The environment variable GDWS_URL names it.
extends SceneTree

const TEXT = "hello from Godot"
var client = WebSocketClient.new()


func _init():
	client.connect("connection_established", self, "on_established")
	client.connect("connection_error", self, "on_error")
	client.connect("data_received", self, "on_data")
	client.connect_to_url(OS.get_environment("GDWS_URL"))


func on_established(_protocol):
	print("godot says: ", TEXT)
	client.get_peer(1).set_write_mode(WebSocketPeer.WRITE_MODE_TEXT)
	client.get_peer(1).put_packet(TEXT.to_utf8())


func on_data():
	var answer = client.get_peer(1).get_packet().get_string_from_utf8()
	print("godot hears: ", answer)
	quit(0 if answer == TEXT else 1)


func on_error():
	print("godot: connection error")
	quit(1)


func _idle(_delta):
	client.poll()
	return false
