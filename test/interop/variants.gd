# SPDX-License-Identifier: MIT
# Values of every type go from Godot to a gdws server by put_var, which reads them with get_var and
# sends them back with put_var: the bytes must be those of var2bytes, and bytes2var must read them.
# The environment variable GDWS_ARGUMENTS holds the URL.
extends SceneTree

const EACH = 24
const TYPES = 27

var client = WebSocketClient.new()
var values = []
var sent = 0
var heard = 0
var wrong = 0
var counts = {}


func _init():
	seed(4711)
	for type in range(TYPES):
		if type != TYPE_RID and type != TYPE_OBJECT:
			for i in range(EACH):
				values.append(make(type, i))
	client.set_buffers(1024, 4096, 1024, 4096)
	client.connect("connection_established", self, "on_established")
	client.connect("connection_error", self, "on_end", [false])
	client.connect("connection_closed", self, "on_end")
	client.connect("data_received", self, "on_data")
	client.connect_to_url(OS.get_environment("GDWS_ARGUMENTS").strip_edges())


func real(i):
	var special = [0.0, -0.0, 1.0, 0.1, -2.5, 1e300, 5e-324, INF, -INF, NAN, 3.4028235e38, 16777217.0, 1.0 / 3.0]
	return special[i] if i < special.size() else rand_range(-1e6, 1e6)


func integer(i):
	var special = [0, 1, -1, 2147483647, -2147483648, 2147483648, -2147483649, 9223372036854775807, -9223372036854775807 - 1, 255, 65536]
	return special[i] if i < special.size() else (randi() << 20) - randi()


func text(i):
	var special = ["", "a", "ab", "abc", "abcd", "abcde", "ä", "漢字", "😀 smile", "line\nbreak\ttab", "quote\"'\\"]
	return special[i] if i < special.size() else str(randi()) + "x".repeat(i)


func path(i):
	var special = ["", "/a", "name", "/root", "/root/Main", "../Other", ".", "a/b/c", ":sub", "node:sub", "node:sub:x", "/root/Spieler-ä:position:x"]
	return NodePath(special[i] if i < special.size() else "/root/n%d/m%d:p%d" % [randi(), i, i])


# Names whose lengths need no padding: see settle.
func even_path(i):
	return NodePath("/root/name%04d/node:four" % i)


# Godot leaves the padding of a node path's names as it was in memory: zero it.
func settle(bytes):
	if bytes[0] != TYPE_NODE_PATH:
		return bytes
	var at = 16
	while at < bytes.size():
		var length = bytes[at] + 256 * bytes[at + 1]
		at += 4 + length
		while at % 4 != 0:
			bytes[at] = 0
			at += 1
	return bytes


func vector2():
	return Vector2(randf() * 100 - 50, randf())


func vector3():
	return Vector3(randf() * 100 - 50, randf(), -randf() * 1e9)


func color():
	return Color(randf(), randf(), randf(), randf())


func basis():
	return Basis(vector3(), vector3(), vector3())


func array(i, depth):
	var result = []
	for n in range(i % 9):
		result.append(anything(n + i, depth))
	return result


func dictionary(i, depth):
	var result = {}
	for n in range(i % 7):
		result[text(n + 11)] = anything(n + i, depth)
		result[integer(n + i + 11)] = anything(n * 3 + i, depth)
	result[vector2()] = null
	return result


func anything(i, depth):
	var type = (i * 7 + depth) % TYPES
	if type == TYPE_RID or type == TYPE_OBJECT:
		type = TYPE_STRING
	if depth > 3 and (type == TYPE_ARRAY or type == TYPE_DICTIONARY):
		type = TYPE_COLOR
	return make(type, i, depth + 1)


# i gives the size of arrays, from empty on.
func make(type, i, depth = 0):
	match type:
		TYPE_NIL: return null
		TYPE_BOOL: return i % 2 == 1
		TYPE_INT: return integer(i)
		TYPE_REAL: return real(i)
		TYPE_STRING: return text(i)
		TYPE_VECTOR2: return vector2()
		TYPE_RECT2: return Rect2(vector2(), vector2())
		TYPE_VECTOR3: return vector3()
		TYPE_TRANSFORM2D: return Transform2D(vector2(), vector2(), vector2())
		TYPE_PLANE: return Plane(vector3(), randf())
		TYPE_QUAT: return Quat(randf(), randf(), randf(), randf())
		TYPE_AABB: return AABB(vector3(), vector3())
		TYPE_BASIS: return basis()
		TYPE_TRANSFORM: return Transform(basis(), vector3())
		TYPE_COLOR: return color()
		TYPE_NODE_PATH: return path(i) if depth == 0 else even_path(i)
		TYPE_DICTIONARY: return dictionary(i, depth)
		TYPE_ARRAY: return array(i, depth)
	var list = []
	for n in range(i):
		match type:
			TYPE_RAW_ARRAY: list.append(randi() % 256)
			TYPE_INT_ARRAY: list.append(randi() - 2147483648)
			TYPE_REAL_ARRAY: list.append(randf() * 1000)
			TYPE_STRING_ARRAY: list.append(text(n))
			TYPE_VECTOR2_ARRAY: list.append(vector2())
			TYPE_VECTOR3_ARRAY: list.append(vector3())
			TYPE_COLOR_ARRAY: list.append(color())
	match type:
		TYPE_RAW_ARRAY: return PoolByteArray(list)
		TYPE_INT_ARRAY: return PoolIntArray(list)
		TYPE_REAL_ARRAY: return PoolRealArray(list)
		TYPE_STRING_ARRAY: return PoolStringArray(list)
		TYPE_VECTOR2_ARRAY: return PoolVector2Array(list)
		TYPE_VECTOR3_ARRAY: return PoolVector3Array(list)
	return PoolColorArray(list)


func on_established(_protocol):
	send_next()


func send_next():
	client.get_peer(1).put_var(values[sent])
	sent += 1


func on_data():
	var packet = client.get_peer(1).get_packet()
	var value = values[heard]
	var back = bytes2var(packet)
	if packet != settle(var2bytes(value)) or typeof(back) != typeof(value) or var2str(back) != var2str(value):
		wrong += 1
		print("WRONG: ", typeof(value), " ", value)
		print("  theirs ", packet.hex_encode())
		print("  ours   ", var2bytes(value).hex_encode())
	counts[typeof(value)] = counts.get(typeof(value), 0) + 1
	heard += 1
	if heard < values.size():
		send_next()
	else:
		client.disconnect_from_host()


func on_end(_was_clean):
	for type in counts:
		if counts[type] < 20:
			wrong += 1
	print("variants: %d values of %d types, %d wrong" % [heard, counts.size(), wrong])
	OS.exit_code = 0 if wrong == 0 and heard == values.size() and counts.size() == TYPES - 2 else 1
	quit(OS.exit_code)


func _idle(_delta):
	client.poll()
	return false
