// SPDX-License-Identifier: MIT
// The table of peers: kept by rounds, sorted, searched, and drawn as far as it is seen.

import { count, duration, narrow, short, size } from "./format.js";
import { List, setClass, setText } from "./list.js";

const states = ["connecting", "open", "closing", "closed"];

// name, title, class, value to sort by, and whether large ones are looked for first.
const columns = [
  ["state", "State", "", (peer) => peer.state],
  ["id", "Id", "number", (peer) => peer.id],
  ["object", "Object", "", (peer) => peer.object],
  ["address", "Address", "", (peer) => peer.address],
  ["protocol", "Protocol", "", (peer) => peer.protocol],
  ["since", "Connected", "number", (peer) => -peer.since],
  ["received", "Received", "number", (peer) => peer.received, true],
  ["bytes-received", "Bytes", "number", (peer) => peer.bytesReceived, true],
  ["sent", "Sent", "number", (peer) => peer.sent, true],
  ["bytes-sent", "Bytes", "number", (peer) => peer.bytesSent, true],
  ["inq", "In queue", "number", (peer) => peer.inFill, true],
  ["outq", "Out queue", "number", (peer) => peer.outFill, true],
  ["rtt", "Ping", "number", (peer) => peer.rtt, true],
  ["act", "", "", null],
];
const titles = {
  since: "How long the connection has been open",
  "bytes-received": "Bytes received", "bytes-sent": "Bytes sent",
  inq: "Packets that the program has not taken yet; red: the socket is not read until it has (backpressure)",
  outq: "Bytes that the network has not taken yet",
  rtt: "Time between the last ping and its pong, where there is a heartbeat",
};

function read(row, objects) {
  const [watch, id, host, port, state, protocol, since, received, bytesReceived, sent, bytesSent, waiting, waitingMax,
    inBytes, inMax, outBytes, outMax, paused, rtt] = row;
  const address = host.includes(":") && port > 0 ? `[${host}]:${port}` : port > 0 ? `${host}:${port}` : host;
  return { key: `${watch}/${id}`, watch, id, state, protocol, since, received, bytesReceived, sent, bytesSent, waiting,
    outBytes, paused, rtt, address, object: objects.get(watch)?.name || "",
    inFill: Math.min(1, Math.max(waiting / waitingMax, inBytes / inMax)), outFill: Math.min(1, outBytes / outMax) };
}

export class Peers {
  // on: picked(peer), close(peer); mayClose(), now().
  constructor(on) {
    this.on = on;
    this.all = new Map();
    this.round = new Set();
    this.shown = [];
    this.sort = { column: 1, down: false };
    this.object = 0;
    this.search = "";
    this.root = document.getElementById("peers");
    this.makeHead();
    this.list = new List(this.root, { name: "peer", label: "Peers", height: () => (narrow.matches ? 78 : 28),
      make: (row) => this.makeRow(row), fill: (row, index) => this.fillRow(row, this.shown[index]),
      pick: (index, byKey) => { if (!byKey) this.on.picked(this.shown[index]); } });
    this.empty = document.createElement("p");
    this.empty.className = "empty";
    this.root.append(this.empty);
    narrow.addEventListener("change", () => this.refresh());
    const search = document.getElementById("peer-search");
    search.addEventListener("input", () => {
      this.search = search.value.trim().toLowerCase();
      this.refresh();
    });
  }

  makeHead() {
    const head = this.root.querySelector(".head");
    const select = document.getElementById("peer-sort");
    columns.forEach(([name, title, kind, value], i) => {
      const cell = document.createElement(value ? "button" : "span");
      cell.className = `c-${name} ${kind}`;
      cell.setAttribute("role", "columnheader");
      cell.textContent = title;
      if (value) {
        cell.type = "button";
        cell.title = titles[name] || `Sort by ${title.toLowerCase()}`;
        cell.addEventListener("click", () => this.sortBy(i, i === this.sort.column && !this.sort.down));
        select.add(new Option(titles[name] && title === "Bytes" ? titles[name] : title, i));
      }
      head.append(cell);
    });
    select.addEventListener("change", () => this.sortBy(Number(select.value), Boolean(columns[select.value][4])));
    this.markSort();
  }

  sortBy(column, down) {
    const isNew = column !== this.sort.column;
    this.sort = { column, down: isNew ? Boolean(columns[column][4]) : down };
    this.markSort();
    this.refresh();
  }

  markSort() {
    this.root.querySelectorAll(".head > *").forEach((cell, i) => {
      if (i === this.sort.column) {
        cell.dataset.sort = this.sort.down ? "down" : "up";
        cell.setAttribute("aria-sort", this.sort.down ? "descending" : "ascending");
      } else {
        delete cell.dataset.sort;
        cell.removeAttribute("aria-sort");
      }
    });
    document.getElementById("peer-sort").value = this.sort.column;
  }

  reset() {
    this.all.clear();
    this.round.clear();
    this.refresh();
  }

  // Who was not told of in a whole round has gone.
  update(rows, roundIsOver, objects) {
    for (const row of rows) {
      const peer = read(row, objects);
      this.all.set(peer.key, peer);
      this.round.add(peer.key);
    }
    if (roundIsOver) {
      for (const key of this.all.keys()) if (!this.round.has(key)) this.all.delete(key);
      this.round.clear();
      this.refresh();
    }
  }

  setObject(object) {
    this.object = object;
    this.refresh();
  }

  refresh() {
    const { column, down } = this.sort;
    const value = columns[column][3];
    const sign = down ? -1 : 1;
    const pickedKey = this.shown[this.list?.picked]?.key;
    this.shown = [...this.all.values()].filter((peer) => (this.object === 0 || peer.watch === this.object) &&
      (this.search === "" || String(peer.id).includes(this.search) || peer.address.toLowerCase().includes(this.search)));
    this.shown.sort((a, b) => {
      const left = value(a), right = value(b);
      const order = typeof left === "string" ? left.localeCompare(right, "en", { numeric: true }) : left - right;
      return sign * order || a.watch - b.watch || a.id - b.id;
    });
    document.getElementById("peer-count").textContent = this.shown.length === this.all.size
      ? count(this.all.size) : `${count(this.shown.length)} of ${count(this.all.size)}`;
    if (!this.list) return;
    this.list.picked = pickedKey === undefined ? -1 : this.shown.findIndex((peer) => peer.key === pickedKey);
    this.list.viewport.hidden = this.shown.length === 0;
    this.empty.hidden = this.shown.length > 0;
    this.empty.textContent = this.all.size > 0 ? "No peer is like that." : "Nobody is connected.";
    this.list.set(this.shown.length);
  }

  makeRow(row) {
    row.cells = {};
    for (const [name, , kind] of columns) {
      const cell = document.createElement("span");
      cell.className = `c-${name} ${kind}`;
      cell.setAttribute("role", "gridcell");
      row.cells[name] = cell;
      row.append(cell);
    }
    for (const name of ["inq", "outq"]) {
      const bar = document.createElement("i");
      const text = document.createElement("span");
      row.cells[name].append(bar, text);
      Object.assign(row.cells[name], { bar, text });
    }
    const button = document.createElement("button");
    button.type = "button";
    button.className = "act";
    button.tabIndex = -1;
    button.textContent = "Close\u2026";
    button.addEventListener("click", () => this.on.close(row.peer));
    row.cells.act.append(button);
    row.cells.act.button = button;
  }

  fillRow(row, peer) {
    if (!peer) return;
    const cells = row.cells;
    row.peer = peer;
    setClass(cells.state, `c-state dot ${states[peer.state]}`);
    setText(cells.state, states[peer.state]);
    setText(cells.id, String(peer.id));
    setText(cells.object, peer.object);
    setText(cells.address, peer.address);
    setText(cells.protocol, peer.protocol || "\u2013");
    setText(cells.since, peer.since === 0 ? "\u2013" : duration(this.on.now() - peer.since));
    setText(cells.received, count(peer.received));
    setText(cells["bytes-received"], size(peer.bytesReceived));
    setText(cells.sent, count(peer.sent));
    setText(cells["bytes-sent"], size(peer.bytesSent));
    this.fillMeter(cells.inq, "c-inq meter", peer.paused ? 1 : peer.inFill, peer.paused,
      peer.paused ? `paused ${short(peer.waiting)}` : short(peer.waiting));
    this.fillMeter(cells.outq, "c-outq meter out", peer.outFill, peer.outFill > 0.9, size(peer.outBytes));
    setText(cells.rtt, peer.rtt < 0 ? "\u2013" : `${peer.rtt} ms`);
    cells.act.button.hidden = !this.on.mayClose() || peer.state > 1;
  }

  fillMeter(cell, name, fill, isFull, text) {
    setClass(cell, isFull ? `${name} full` : name);
    cell.bar.style.transform = `scaleX(${fill})`;
    setText(cell.text, text);
  }
}
