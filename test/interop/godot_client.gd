# SPDX-License-Identifier: MIT
# Godot 3's WebSocketClient and a gdws server: 1,000 messages, then both kinds of close.
# Arguments behind "--": URL and, if there is one, the subprotocol.
extends SceneTree

const MESSAGES = 1000
const WINDOW = 4

var client
var url
var protocols
var sent = 0
var heard = 0
var wrong = 0
var empties = 0
var is_second = false
var result = -1
var alphabet = PoolByteArray()


func arguments():
	var all = OS.get_environment("GDWS_ARGUMENTS")
	return all.split(" ", false)


func _init():
	var words = arguments()
	url = words[0]
	protocols = PoolStringArray()
	if words.size() > 1:
		protocols.append(words[1])
	connect_client()


func connect_client():
	client = WebSocketClient.new()
	client.set_buffers(256, 1024, 256, 1024)
	if url.begins_with("wss"):
		var certificate = X509Certificate.new()
		if certificate.load(OS.get_environment("GDWS_TRUSTED")) != OK:
			print("godot: no certificate")
		client.trusted_ssl_certificate = certificate
	client.connect("connection_established", self, "on_established")
	client.connect("connection_error", self, "on_error")
	client.connect("data_received", self, "on_data")
	client.connect("server_close_request", self, "on_close_request")
	client.connect("connection_closed", self, "on_closed")
	client.connect_to_url(url, protocols)


func content_of(number):
	var size = number + 1 if number < 10 else number * 7919 % 60000 + 1
	if alphabet.size() == 0:
		for i in range(60100):
			alphabet.append(97 + i % 26)
	return alphabet.subarray(number % 26, number % 26 + size - 1)


func send_more():
	while sent < MESSAGES and sent - heard < WINDOW:
		var peer = client.get_peer(1)
		peer.set_write_mode(WebSocketPeer.WRITE_MODE_TEXT if sent % 2 == 0 else WebSocketPeer.WRITE_MODE_BINARY)
		peer.put_packet(content_of(sent))
		sent += 1


func on_established(protocol):
	var expected = protocols[0] if protocols.size() > 0 else ""
	if protocol != expected:
		wrong += 1
	if is_second:
		say("close me")
	else:
		send_more()


func say(text):
	var peer = client.get_peer(1)
	peer.set_write_mode(WebSocketPeer.WRITE_MODE_TEXT)
	peer.put_packet(text.to_utf8())


func on_data():
	var peer = client.get_peer(1)
	var packet = peer.get_packet()
	if heard >= MESSAGES:
		if packet.size() == 0:
			empties += 1
		else:
			say("report godot %d messages echoed, %d wrong, %d empty" % [heard, wrong, empties])
			client.disconnect_from_host(4001, "goodbye")
		return
	if packet != content_of(heard) or peer.was_string_packet() != (heard % 2 == 0):
		wrong += 1
	heard += 1
	if heard < MESSAGES:
		send_more()
	else:
		say("empty please")


func on_close_request(code, reason):
	print("godot: close request %d %s" % [code, reason])
	if is_second and code == 4002 and reason == "as you asked" and wrong == 0 and empties == 1:
		result = 0


func on_closed(_was_clean):
	if is_second:
		quit_with(0 if result == 0 else 1)
	else:
		is_second = true
		call_deferred("connect_client")


func on_error():
	print("godot: connection error")
	quit_with(1)


func quit_with(code):
	print("godot: heard %d, wrong %d, empty %d" % [heard, wrong, empties])
	OS.exit_code = code
	quit(code)


func _idle(_delta):
	client.poll()
	return false
