// SPDX-License-Identifier: MIT
// All that is kept of one packet, as text, as JSON, or as hex. It is never markup: rows get it as text.

import { clock, count, hexRow, indentJson, narrow, textRows } from "./format.js";
import { List, setText } from "./list.js";

const byId = (id) => document.getElementById(id);

export function save(name, parts, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

export class Detail {
  // on: ask(number), objectName(watch), said(text).
  constructor(on) {
    this.on = on;
    this.packet = null;
    this.bytes = null;
    this.rows = [];
    this.list = new List(byId("payload"), { name: "byte", role: "log", label: "Payload", height: () => 19,
      make: () => {}, fill: (row, index) => setText(row, this.rowAt(index)) });
    byId("detail-close").addEventListener("click", () => this.hide());
    byId("detail-view").addEventListener("change", () => this.draw());
    byId("detail-copy").addEventListener("click", () => this.copy());
    byId("detail-save").addEventListener("click", () => {
      if (this.bytes) save(`packet-${this.packet.number}.${this.packet.isText ? "txt" : "bin"}`, [this.bytes], "application/octet-stream");
    });
    narrow.addEventListener("change", () => this.draw());
  }

  view() {
    return document.querySelector("input[name=view]:checked").value;
  }

  show(packet) {
    this.packet = packet;
    this.bytes = null;
    byId("detail").hidden = false;
    byId("detail-title").textContent = `Packet ${count(packet.number)}`;
    const facts = [["Time", clock(packet.time)], ["Object", this.on.objectName(packet.watch)], ["Peer", packet.peer],
      ["Direction", packet.isSent ? "sent" : "received"], ["Type", packet.isText ? "text" : "binary"],
      ["Length", `${count(packet.length)} bytes`]];
    byId("detail-facts").replaceChildren(...facts.map(([name, value]) => {
      const group = document.createElement("div");
      const term = document.createElement("dt");
      const fact = document.createElement("dd");
      term.textContent = name;
      fact.textContent = value;
      group.append(term, fact);
      return group;
    }));
    byId("detail-note").textContent = "loading";
    this.setRows([]);
    this.on.ask(packet.number);
  }

  hide() {
    this.packet = null;
    byId("detail").hidden = true;
    byId("packets").querySelector(".viewport").focus();
  }

  // What the program has said about it, and its bytes.
  receive(answer, bytes) {
    if (!this.packet || answer.packet !== this.packet.number) return;
    this.answer = answer;
    if (answer.is_busy) {
      setTimeout(() => this.packet && this.on.ask(this.packet.number), 300);
      return;
    }
    this.bytes = answer.is_kept && !answer.is_hidden ? bytes : null;
    if (this.isNew !== this.packet.number) {
      this.isNew = this.packet.number;
      const view = this.suggestView();
      document.querySelector(`input[name=view][value=${view}]`).checked = true;
    }
    this.draw();
  }

  decode() {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.bytes);
  }

  isJson(text) {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  }

  suggestView() {
    if (!this.bytes || !this.packet.isText) return "hex";
    const text = this.bytes.length < 200000 ? this.decode() : "";
    return /^\s*[[{]/.test(text) && this.isJson(text) ? "json" : "text";
  }

  notes() {
    if (!this.answer.is_kept) return "Its content is not kept any more: newer packets took the place.";
    if (this.answer.is_hidden) return "The program does not show the content of this packet.";
    return this.bytes.length < this.packet.length
      ? `The first ${count(this.bytes.length)} bytes; the rest was not kept.` : "";
  }

  draw() {
    if (!this.packet || !this.answer || this.answer.packet !== this.packet.number) return;
    let note = this.notes();
    if (!this.bytes) {
      this.setRows([]);
    } else if (this.view() === "hex") {
      this.hexWidth = narrow.matches ? 8 : 16;
      this.rows = null;
      this.list.set(Math.ceil(this.bytes.length / this.hexWidth));
    } else {
      note = [note, this.drawText()].filter(Boolean).join(" ");
    }
    if (this.bytes && this.packet.length === 0) note = "The packet is empty.";
    byId("detail-note").textContent = note;
    this.list.viewport.scrollTop = 0;
    this.list.draw();
  }

  // Returns what is to be said about it.
  drawText() {
    const text = this.decode();
    const width = Math.max(20, Math.floor((this.list.viewport.clientWidth - 40) / 7.3));
    let note = "";
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(this.bytes);
    } catch {
      note = "This is no UTF-8: \ufffd stands where bytes are no text. Hex shows them.";
    }
    if (this.view() === "json") {
      if (this.isJson(text)) {
        this.setRows(textRows(indentJson(text), width));
        return note;
      }
      note = "This is no JSON.";
    }
    this.setRows(textRows(text, width));
    return note;
  }

  setRows(rows) {
    this.rows = rows;
    this.list.set(rows.length);
  }

  rowAt(index) {
    return this.rows ? this.rows[index] || "" : hexRow(this.bytes, index * this.hexWidth, this.hexWidth);
  }

  async copy() {
    if (!this.bytes) return;
    const text = this.view() === "hex" ? Array.from(this.bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ") : this.decode();
    try {
      await navigator.clipboard.writeText(text);
      this.on.said("Copied.");
    } catch {
      this.on.said("The browser does not allow copying here.");
    }
  }
}
