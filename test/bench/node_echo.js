// SPDX-License-Identifier: MIT
// The echo server of the benchmark, with node's ws.
const { WebSocketServer } = require('ws');
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, maxPayload: 1 << 28 });
server.on('listening', () => console.log('listening on', server.address().port));
server.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
