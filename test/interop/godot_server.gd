# SPDX-License-Identifier: MIT
# Godot 3's WebSocketServer as an echo server for gdws clients. The environment variable
# GDWS_ARGUMENTS holds the port and, if there is one, the subprotocol.
extends SceneTree

var server = WebSocketServer.new()


func _init():
	var words = OS.get_environment("GDWS_ARGUMENTS").split(" ", false)
	var protocols = PoolStringArray()
	if words.size() > 1:
		protocols.append(words[1])
	server.set_buffers(256, 1024, 256, 1024)
	server.bind_ip = "127.0.0.1"
	if OS.get_environment("GDWS_KEY") != "":
		server.private_key = CryptoKey.new()
		server.ssl_certificate = X509Certificate.new()
		if server.private_key.load(OS.get_environment("GDWS_KEY")) != OK or server.ssl_certificate.load(OS.get_environment("GDWS_CERTIFICATE")) != OK:
			print("godot: no key or no certificate")
	server.connect("data_received", self, "on_data")
	server.connect("client_close_request", self, "on_close_request")
	if server.listen(int(words[0]), protocols) != OK:
		print("cannot listen")
		quit(1)
	else:
		print("listening on ", words[0])


func on_data(id):
	var peer = server.get_peer(id)
	while peer.get_available_packet_count() > 0:
		var packet = peer.get_packet()
		if peer.was_string_packet() and packet.get_string_from_utf8() == "close me":
			server.disconnect_peer(id, 4002, "as you asked")
			return
		peer.set_write_mode(WebSocketPeer.WRITE_MODE_TEXT if peer.was_string_packet() else WebSocketPeer.WRITE_MODE_BINARY)
		peer.put_packet(packet)


func on_close_request(_id, code, reason):
	print("close_request code=%d reason=%s" % [code, reason])


func _idle(_delta):
	server.poll()
	return false
