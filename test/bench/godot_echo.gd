# SPDX-License-Identifier: MIT
extends SceneTree

var server = WebSocketServer.new()


func _init():
	server.set_buffers(2048, 4096, 2048, 4096)
	server.connect("data_received", self, "on_data")
	server.bind_ip = "127.0.0.1"
	var port = 20000 + OS.get_process_id() % 20000
	while server.listen(port) != OK:
		port += 1
	print("listening on ", port)


func on_data(id):
	var peer = server.get_peer(id)
	peer.set_write_mode(WebSocketPeer.WRITE_MODE_BINARY)
	peer.put_packet(peer.get_packet())


func _iteration(_delta):
	server.poll()
	return false


func _idle(_delta):
	server.poll()
	return false
