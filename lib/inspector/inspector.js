// SPDX-License-Identifier: MIT
// The page: what the program tells goes to the charts, the peers and the packets; what is asked goes to the program.

import { Chart, Series } from "./chart.js";
import { Detail, save } from "./detail.js";
import { count, short, size } from "./format.js";
import { Link } from "./link.js";
import { Packets } from "./packets.js";
import { Peers } from "./peers.js";

const byId = (id) => document.getElementById(id);
const kinds = ["received", "bytesReceived", "sent", "bytesSent"];
const program = { madeAt: 0, now: 0, told: 0, mayClose: false, objects: new Map(), leftOut: 0, leftOutBefore: 0, passed: 0 };
let picked = 0;
let isPaused = false;

function say(text) {
  byId("toast").textContent = text;
  byId("toast").hidden = false;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { byId("toast").hidden = true; }, 4000);
}

function objectName(watch) {
  return program.objects.get(watch)?.name || `#${watch}`;
}

// Between two updates the program's clock goes on.
function now() {
  return program.now + performance.now() - program.told;
}

/* Parts */

const charts = {
  messages: new Chart(byId("messages"), (value) => short(value), 1000),
  bytes: new Chart(byId("bytes"), (value) => size(value), 1024),
};
byId("messages").dataset.title = "Messages per second";
byId("bytes").dataset.title = "Bytes per second";

const peers = new Peers({
  picked: (peer) => setFilter({ watch: peer.watch, peer: peer.id }),
  close: (peer) => askToClose(peer),
  mayClose: () => program.mayClose,
  now,
});
const packets = new Packets({ picked: (packet) => detail.show(packet), objectName });
const detail = new Detail({ ask: (number) => link.say({ do: "show", packet: number }), objectName, said: say });

/* What is told */

function tellState(state) {
  const texts = { connecting: "connecting", live: "live", lost: "connection lost, trying again" };
  byId("status").textContent = texts[state];
  byId("status").className = `pill ${state}`;
}

function greet(message) {
  Object.assign(program, { madeAt: message.made_at, leftOut: 0, leftOutBefore: 0, passed: 0, since: 0, objects: new Map() });
  byId("status").title = `gdws ${message.version}`;
  peers.reset();
  packets.clear();
  tellFilter();
  if (isPaused) link.say({ do: "pause" });
}

function updateObjects(rows) {
  const there = new Set();
  for (const [number, kind, name, isUp, peerCount, received, bytesReceived, sent, bytesSent] of rows) {
    const object = program.objects.get(number) || { number, series: kinds.map(() => new Series()) };
    Object.assign(object, { kind, name, isUp, peerCount });
    [received, bytesReceived, sent, bytesSent].forEach((total, i) => object.series[i].add(program.now, total));
    program.objects.set(number, object);
    there.add(number);
  }
  for (const number of program.objects.keys()) if (!there.has(number)) program.objects.delete(number);
  if (picked !== 0 && !there.has(picked)) pickObject(0);
  drawObjects();
}

function drawObjects() {
  const root = byId("objects");
  const wanted = [{ number: 0, name: "All objects", kind: "" }, ...program.objects.values()];
  while (root.children.length > wanted.length) root.lastChild.remove();
  wanted.forEach((object, i) => {
    let button = root.children[i];
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.append(document.createElement("span"), document.createElement("small"));
      button.addEventListener("click", () => pickObject(button.object));
      root.append(button);
    }
    button.object = object.number;
    button.firstChild.textContent = object.name;
    button.lastChild.textContent = object.kind === "" ? ""
      : ` ${object.kind}, ${object.isUp ? `${count(object.peerCount)} ${object.peerCount === 1 ? "peer" : "peers"}` : "off"}`;
    button.setAttribute("aria-pressed", object.number === picked);
  });
}

function drawCharts() {
  const second = Math.floor(program.now / 1000) - 1;
  const chosen = [...program.objects.values()].filter((object) => picked === 0 || object.number === picked);
  const sum = (kind) => (at) => chosen.reduce((total, object) => total + object.series[kind].at(at), 0);
  charts.messages.show(sum(0), sum(2), second, program.since);
  charts.bytes.show(sum(1), sum(3), second, program.since);
  byId("messages-in").textContent = short(sum(0)(second));
  byId("messages-out").textContent = short(sum(2)(second));
  byId("bytes-in").textContent = size(sum(1)(second));
  byId("bytes-out").textContent = size(sum(3)(second));
}

function tellLeftOut() {
  const leftOut = program.leftOut - program.leftOutBefore;
  const parts = [];
  if (isPaused) parts.push(`Paused: ${count(program.passed)} packets have passed.`);
  if (leftOut > 0) parts.push(`${count(leftOut)} packets were left out, so that the program is not slowed down. A filter lists fewer, but all of them.`);
  byId("left-out").textContent = parts.join(" ");
}

function update(message) {
  program.now = message.now;
  program.told = performance.now();
  program.mayClose = message.may_close;
  program.leftOut = message.left_out;
  program.passed = message.passed;
  program.since ||= Math.ceil(message.now / 1000);
  updateObjects(message.watches);
  packets.add(message.packets, program.madeAt);
  if (message.peers) peers.update(message.peers, message.round_is_over, program.objects);
  tellLeftOut();
  if (Math.floor(message.now / 1000) !== update.drawn) {
    update.drawn = Math.floor(message.now / 1000);
    drawCharts();
  }
}

function answer(message, bytes) {
  if (message.answer === "show") {
    detail.receive(message, bytes);
  } else if (message.error === "OK") {
    say(`Peer ${message.peer} is being closed.`);
  } else {
    say(`Peer ${message.peer} was not closed: ${message.text}.`);
  }
}

/* What is asked */

function tellFilter() {
  const { watch, peer, direction } = packets.filter;
  link.say({ do: "filter", watch, peer, direction });
}

function setFilter(filter) {
  packets.setFilter(filter);
  tellFilter();
  const { watch, peer } = packets.filter;
  byId("peer-filter").hidden = peer === 0;
  byId("peer-filter").textContent = `Peer ${peer} of ${objectName(watch)}`;
  byId("peer-filter").setAttribute("aria-label", `Only peer ${peer} of ${objectName(watch)}: show all again`);
}

function pickObject(number) {
  picked = number;
  peers.setObject(number);
  setFilter({ watch: number, peer: 0 });
  drawObjects();
  drawCharts();
}

function setPaused(paused) {
  isPaused = paused;
  program.passed = 0;
  link.say({ do: paused ? "pause" : "resume" });
  byId("pause").setAttribute("aria-pressed", paused);
  byId("pause").textContent = paused ? "Go on" : "Pause";
  tellLeftOut();
}

function askToClose(peer) {
  const dialog = byId("close-dialog");
  dialog.peer = peer;
  byId("close-who").textContent = `Peer ${peer.id} of ${peer.object}, ${peer.address}`;
  byId("close-error").textContent = "";
  byId("close-code").value = 1000;
  byId("close-reason").value = "";
  dialog.showModal();
  byId("close-reason").focus();
}

// The same rules as the program's (RFC 6455 section 7.4), so that it is said here what is wrong.
function closeFault(code, reason) {
  const isCode = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
  if (!isCode) return "The code must be 1000 to 1003, 1007 to 1014, or 3000 to 4999.";
  return new TextEncoder().encode(reason).length > 123 ? "The reason is too long: 123 bytes at most." : "";
}

function confirmClose(event) {
  const code = Number(byId("close-code").value);
  const reason = byId("close-reason").value;
  const fault = closeFault(code, reason);
  const { watch, id } = byId("close-dialog").peer;
  byId("close-error").textContent = fault;
  if (fault) event.preventDefault();
  else link.say({ do: "close", watch, peer: id, code, reason });
}

function changeTheme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("gdws-theme", root.dataset.theme);
  drawCharts();
}

function onKey(event) {
  const isTyping = event.target.closest("input:not([type=radio]), select, dialog");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && !isTyping && !byId("detail").hidden) detail.hide();
  else if (isTyping) return;
  else if (event.key === "/") byId("text").focus();
  else if (event.key === "p") setPaused(!isPaused);
  else if (event.key === "t") changeTheme();
  else return;
  event.preventDefault();
}

byId("theme").addEventListener("click", changeTheme);
byId("pause").addEventListener("click", () => setPaused(!isPaused));
byId("clear").addEventListener("click", () => {
  program.leftOutBefore = program.leftOut;
  packets.clear();
  tellLeftOut();
});
byId("download").addEventListener("click", () => save("packets.jsonl", [packets.toLines()], "application/jsonl"));
byId("peer-filter").addEventListener("click", () => setFilter({ watch: picked, peer: 0 }));
byId("text").addEventListener("input", (event) => packets.setFilter({ text: event.target.value.toLowerCase() }));
byId("direction").addEventListener("change", (event) => setFilter({ direction: event.target.value }));
byId("close-confirm").addEventListener("click", confirmClose);
byId("close-cancel").addEventListener("click", () => byId("close-dialog").close());
addEventListener("keydown", onKey);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCharts);
if (["light", "dark"].includes(localStorage.getItem("gdws-theme"))) {
  document.documentElement.dataset.theme = localStorage.getItem("gdws-theme");
}

const link = new Link({ hello: greet, update, answer, state: tellState });
