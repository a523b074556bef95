// SPDX-License-Identifier: MIT
// Two lines over the last two minutes, second by second.

export const SECONDS = 120;

// Totals that grow, as amounts for each second. Between two totals the growth is spread evenly.
export class Series {
  constructor() {
    this.amounts = new Map();
    this.last = null;
  }

  add(ms, total) {
    const last = this.last;
    this.last = { ms, total };
    if (!last || ms <= last.ms) return;
    const rate = Math.max(0, total - last.total) / (ms - last.ms);
    for (let at = Math.max(last.ms, ms - SECONDS * 1000); at < ms;) {
      const second = Math.floor(at / 1000);
      const end = Math.min(ms, (second + 1) * 1000);
      this.amounts.set(second, (this.amounts.get(second) || 0) + rate * (end - at));
      at = end;
    }
    for (const second of this.amounts.keys()) {
      if (second >= ms / 1000 - SECONDS - 2) break;
      this.amounts.delete(second);
    }
  }

  at(second) {
    return this.amounts.get(second) || 0;
  }
}

// A round number above a value; base: 1000 or 1024, whose powers have names.
function niceCeiling(value, base) {
  let unit = 1;
  while (value > unit * base) unit *= base;
  const power = unit * 10 ** Math.floor(Math.log10(Math.max(value / unit, 1)));
  return [1, 2, 4, 6, 8, 10, 20].map((step) => step * power).find((top) => top >= value);
}

export class Chart {
  // format: how values are written; base: 1000, or 1024 for bytes.
  constructor(canvas, format, base) {
    this.canvas = canvas;
    this.format = format;
    this.base = base;
    this.since = 0;
    this.lines = [];
    this.now = 0;
    this.pointer = -1;
    canvas.addEventListener("pointermove", (event) => this.point(event.offsetX));
    canvas.addEventListener("pointerleave", () => this.point(-1));
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  point(x) {
    this.pointer = x;
    this.draw();
  }

  // received, sent: functions from a second to an amount; now: the last whole second; since: the first that is known.
  show(received, sent, now, since) {
    this.since = since;
    this.lines = [[received, "--in"], [sent, "--out"]];
    this.now = now;
    const text = `received ${this.format(received(now))}, sent ${this.format(sent(now))}`;
    this.canvas.setAttribute("aria-label", `${this.canvas.dataset.title || "Last second"}: ${text}`);
    this.draw();
  }

  draw() {
    const canvas = this.canvas;
    const scale = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (width === 0) return;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const context = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const area = { left: 58, right: width - 14, top: 10, bottom: height - 20 };
    const values = this.lines.map(([value]) => Array.from({ length: SECONDS + 1 }, (_, i) => value(this.now - SECONDS + i)));
    const first = Math.max(0, this.since - this.now + SECONDS);
    const top = niceCeiling(Math.max(4, ...values.flatMap((line) => line.slice(first))), this.base);
    const x = (i) => area.left + (area.right - area.left) * i / SECONDS;
    const y = (value) => area.bottom - (area.bottom - area.top) * value / top;
    this.drawGrid(context, style, area, top, x, y);
    values.forEach((line, i) => this.drawLine(context, style.getPropertyValue(this.lines[i][1]), 3 - 1.4 * i, line, first, area, x, y));
    this.drawPointer(context, style, area, values, x, y);
  }

  drawGrid(context, style, area, top, x, y) {
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = style.getPropertyValue("--muted");
    context.strokeStyle = style.getPropertyValue("--line");
    context.lineWidth = 1;
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const part of [0, 0.5, 1]) {
      const level = Math.round(y(top * part)) + 0.5;
      context.beginPath();
      context.moveTo(area.left, level);
      context.lineTo(area.right, level);
      context.stroke();
      context.fillText(this.format(top * part), area.left - 7, level);
    }
    context.textBaseline = "top";
    for (const [i, text, align] of [[0, "2 min ago", "left"], [SECONDS / 2, "1 min", "center"], [SECONDS, "now", "right"]]) {
      context.textAlign = align;
      context.fillText(text, x(i), area.bottom + 6);
    }
  }

  // The second line is thinner than the first, so that both are seen where they are the same.
  drawLine(context, color, width, line, first, area, x, y) {
    if (first >= SECONDS) return;
    context.beginPath();
    for (let i = first; i <= SECONDS; i++) context.lineTo(x(i), y(line[i]));
    context.strokeStyle = color;
    context.lineWidth = width;
    context.lineJoin = "round";
    context.stroke();
    context.lineTo(area.right, area.bottom);
    context.lineTo(x(first), area.bottom);
    context.globalAlpha = 0.1;
    context.fillStyle = color;
    context.fill();
    context.globalAlpha = 1;
  }

  drawPointer(context, style, area, values, x, y) {
    if (this.pointer < area.left || this.pointer > area.right || values.length === 0) return;
    const i = Math.round((this.pointer - area.left) / (area.right - area.left) * SECONDS);
    context.strokeStyle = style.getPropertyValue("--muted");
    context.beginPath();
    context.moveTo(x(i), area.top);
    context.lineTo(x(i), area.bottom);
    context.stroke();
    values.forEach((line, number) => {
      context.fillStyle = style.getPropertyValue(this.lines[number][1]);
      context.beginPath();
      context.arc(x(i), y(line[i]), 3.2, 0, 7);
      context.fill();
    });
    const ago = SECONDS - i;
    const text = `${ago === 0 ? "last second" : `${ago} s ago`}   ↓ ${this.format(values[0][i])}   ↑ ${this.format(values[1][i])}`;
    const width = context.measureText(text).width + 14;
    const left = Math.min(Math.max(area.left, x(i) - width / 2), area.right - width);
    context.fillStyle = style.getPropertyValue("--text");
    context.beginPath();
    context.roundRect(left, area.top - 8, width, 19, 5);
    context.fill();
    context.fillStyle = style.getPropertyValue("--card");
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillText(text, left + 7, area.top + 2);
  }
}
