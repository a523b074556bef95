// SPDX-License-Identifier: MIT
// The packets: the last 10,000 that the program has told of, and those of them that are wanted.

import { clock, count, narrow, size, visible } from "./format.js";
import { List, setClass, setText } from "./list.js";

const KEPT = 10000;
const SLACK = 2000;

const columns = [["p-time", "Time"], ["p-object", "Object"], ["p-peer number", "Peer"], ["p-way way", ""],
  ["p-kind", "Type"], ["p-length number", "Length"], ["preview mono", "Content"]];

function read(row, base) {
  const [number, time, watch, peer, isSent, isText, length, kept, isTextPreview, preview] = row;
  return { number, time: base + time, watch, peer, isSent, isText, length, kept, isTextPreview, preview };
}

export class Packets {
  // on: picked(packet), objectName(watch), followed(follows).
  constructor(on) {
    this.on = on;
    this.all = [];
    this.shown = [];
    this.filter = { watch: 0, peer: 0, direction: "both", text: "" };
    const root = document.getElementById("packets");
    const head = root.querySelector(".head");
    for (const [name, title] of columns) {
      const cell = document.createElement("span");
      cell.className = name.replace("way", "").replace(/^preview.*/, "");
      cell.setAttribute("role", "columnheader");
      cell.textContent = title;
      head.append(cell);
    }
    this.list = new List(root, { name: "packet", label: "Packets", height: () => (narrow.matches ? 48 : 28),
      make: (row) => this.makeRow(row), fill: (row, index) => this.fillRow(row, this.shown[index]),
      pick: (index) => { this.list.setFollows(false); this.on.picked(this.shown[index]); },
      followed: () => this.tellLatest() });
    this.list.followable = true;
    this.empty = document.createElement("p");
    this.empty.className = "empty";
    root.append(this.empty);
    this.latest = document.getElementById("latest");
    this.latest.addEventListener("click", () => {
      this.list.setFollows(true);
      this.list.set(this.shown.length);
    });
    this.list.setFollows(true);
    narrow.addEventListener("change", () => {
      this.list.set(this.shown.length);
      if (this.list.picked >= 0) this.list.reveal(this.list.picked);
    });
    this.refresh();
  }

  // The way back to the newest ones is shown where they are not.
  tellLatest() {
    this.latest.hidden = this.list.follows || this.list.isAtEnd();
  }

  isWanted(packet) {
    const filter = this.filter;
    return (filter.watch === 0 || packet.watch === filter.watch) && (filter.peer === 0 || packet.peer === filter.peer) &&
      (filter.direction === "both" || packet.isSent === (filter.direction === "sent")) &&
      (filter.text === "" || packet.preview.toLowerCase().includes(filter.text));
  }

  add(rows, base) {
    if (rows.length === 0) return;
    for (const row of rows) {
      const packet = read(row, base);
      this.all.push(packet);
      if (this.isWanted(packet)) this.shown.push(packet);
    }
    let dropped = 0;
    if (this.all.length > KEPT + SLACK) {
      this.all.splice(0, this.all.length - KEPT);
      const oldest = this.all[0].number;
      while (dropped < this.shown.length && this.shown[dropped].number < oldest) dropped++;
      this.shown.splice(0, dropped);
    }
    this.show(dropped);
  }

  setFilter(filter) {
    Object.assign(this.filter, filter);
    this.refresh();
  }

  clear() {
    this.all = [];
    this.refresh();
  }

  refresh() {
    this.shown = this.all.filter((packet) => this.isWanted(packet));
    this.list.picked = -1;
    this.show(0);
  }

  show(dropped) {
    const isEmpty = this.shown.length === 0;
    document.getElementById("packet-count").textContent = this.shown.length === this.all.length
      ? count(this.all.length) : `${count(this.shown.length)} of ${count(this.all.length)}`;
    this.list.viewport.hidden = isEmpty;
    this.empty.hidden = !isEmpty;
    this.empty.textContent = this.all.length > 0 ? "None of the packets is like that." : "No packet has passed yet.";
    this.list.set(this.shown.length, dropped);
    this.tellLatest();
  }

  makeRow(row) {
    row.cells = columns.map(([name]) => {
      const cell = document.createElement("span");
      cell.className = name;
      cell.setAttribute("role", "gridcell");
      row.append(cell);
      return cell;
    });
    const badge = document.createElement("span");
    badge.className = "badge";
    row.cells[4].append(badge);
    row.cells[4].badge = badge;
  }

  fillRow(row, packet) {
    if (!packet) return;
    const [time, object, peer, way, kind, length, preview] = row.cells;
    setText(time, clock(packet.time));
    setText(object, this.on.objectName(packet.watch));
    setText(peer, String(packet.peer));
    setText(way, packet.isSent ? "\u2191" : "\u2193");
    setClass(way, packet.isSent ? "p-way way out" : "p-way way in");
    way.title = packet.isSent ? "sent" : "received";
    setText(kind.badge, packet.isText ? "text" : "binary");
    setText(length, size(packet.length));
    setText(preview, visible(packet.preview).replace(/[\n\t]/g, " ") + (this.isWhole(packet) ? "" : " \u2026"));
    setClass(preview, packet.isTextPreview ? "preview mono" : "preview mono soft");
  }

  isWhole(packet) {
    if (packet.isTextPreview) return new TextEncoder().encode(packet.preview.replaceAll("\u2400", "0")).length >= packet.length;
    return (packet.preview.length + 1) / 3 >= packet.length;
  }

  // What is listed, one JSON object a line.
  toLines() {
    return this.shown.map((packet) => JSON.stringify({
      time: new Date(packet.time).toISOString(), object: this.on.objectName(packet.watch), peer: packet.peer,
      direction: packet.isSent ? "sent" : "received", type: packet.isText ? "text" : "binary", length: packet.length,
      [packet.isTextPreview ? "text" : "hex"]: packet.preview, is_whole: this.isWhole(packet),
    }) + "\n").join("");
  }
}
