// SPDX-License-Identifier: MIT
"use strict";
const log = document.getElementById("log");
const facts = [];

function note(name, value) {
  const line = document.createElement("li");
  line.textContent = `${name}: ${value}`;
  log.append(line);
  facts.push(`${name}=${value}`);
}

// A module that exports the function answer, which gives 42. Streaming takes application/wasm only.
async function wasm() {
  const { instance } = await WebAssembly.instantiateStreaming(fetch("answer.wasm"));
  return instance.exports.answer();
}

function shared() {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  return memory.buffer instanceof SharedArrayBuffer;
}

// Resolves with what became of a WebSocket.
function connect(url) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onopen = () => resolve(socket);
    socket.onclose = (event) => resolve(`closed ${event.code}`);
  });
}

async function status(url, options) {
  try {
    return (await fetch(url, options)).status;
  } catch (error) {
    return error.name;
  }
}

const attempt = async (action) => {
  try {
    return await action();
  } catch (error) {
    return error.name;
  }
};

const other = location.hash.slice(1);
note("isolated", crossOriginIsolated);
note("wasm", await attempt(wasm));
note("shared", await attempt(shared));
note("style", getComputedStyle(document.querySelector("h1")).color);
note("missing", await status("missing.txt"));
note("outside", await status("..%2frun.sh"));
note("wrong-room", await connect(`ws://${location.host}/elsewhere`));
if (other) {
  note("foreign", await connect(`ws://127.0.0.1:${other}/room`));
  note("foreign-file", await status(`http://127.0.0.1:${other}/style.css`));
}
const socket = await connect(`ws://${location.host}/room`);
socket.onmessage = (event) => note("heard", event.data.startsWith("report "));
note("own", socket instanceof WebSocket);
socket.send(`report ${facts.join(" ")}`);
