// SPDX-License-Identifier: MIT
// A list of any length in which only the rows that are seen exist. Its rows have one height.

export class List {
  // root: where it goes. options: height() of a row in pixels, make(element) for a new row, fill(element, index),
  // pick(index, key) when a row is clicked or Enter is pressed, label; role "grid" or "log".
  constructor(root, options) {
    this.options = options;
    this.count = 0;
    this.picked = -1;
    this.follows = false;
    this.rows = [];
    this.viewport = document.createElement("div");
    this.viewport.className = "viewport";
    this.viewport.tabIndex = 0;
    this.viewport.setAttribute("role", options.role || "grid");
    this.viewport.setAttribute("aria-label", options.label);
    this.inner = document.createElement("div");
    this.inner.className = "inner";
    this.viewport.append(this.inner);
    root.append(this.viewport);
    this.viewport.addEventListener("scroll", () => {
      if (this.followable) this.setFollows(this.isAtEnd());
      this.draw();
    }, { passive: true });
    this.viewport.addEventListener("keydown", (event) => this.onKey(event));
    this.inner.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row && !event.target.closest("button")) this.choose(row.index, false);
    });
    new ResizeObserver(() => this.draw()).observe(this.viewport);
  }

  isAtEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.viewport;
    return scrollTop + clientHeight >= scrollHeight - this.options.height();
  }

  setFollows(follows) {
    if (follows === this.follows) return;
    this.follows = follows;
    this.options.followed?.(follows);
  }

  // The list has changed; dropped: so many rows have gone from its beginning.
  set(count, dropped = 0) {
    const height = this.options.height();
    this.count = count;
    if (this.picked >= 0) this.picked = Math.max(-1, this.picked - dropped);
    const total = `${count * height}px`;
    if (this.inner.style.height !== total) this.inner.style.height = total;
    this.viewport.setAttribute("aria-rowcount", count);
    if (this.follows) this.viewport.scrollTop = count * height;
    else if (dropped > 0) this.viewport.scrollTop -= dropped * height;
    this.draw();
  }

  draw() {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      this.drawNow();
    });
  }

  drawNow() {
    const height = this.options.height();
    const first = Math.max(0, Math.floor(this.viewport.scrollTop / height) - 2);
    const wanted = Math.min(this.count - first, Math.ceil(this.viewport.clientHeight / height) + 4);
    while (this.rows.length < wanted) this.addRow();
    this.rows.forEach((row, i) => {
      const index = first + i;
      row.hidden = i >= wanted;
      if (row.hidden) return;
      row.index = index;
      row.style.transform = `translateY(${index * height}px)`;
      row.setAttribute("aria-rowindex", index + 1);
      row.setAttribute("aria-selected", index === this.picked);
      this.options.fill(row, index);
    });
    const active = this.rows.find((row) => !row.hidden && row.index === this.picked);
    if (active) this.viewport.setAttribute("aria-activedescendant", active.id);
    else this.viewport.removeAttribute("aria-activedescendant");
  }

  addRow() {
    const row = document.createElement("div");
    row.className = "row";
    row.setAttribute("role", "row");
    row.id = `${this.options.name}-${this.rows.length}`;
    this.options.make(row);
    this.rows.push(row);
    this.inner.append(row);
  }

  choose(index, byKey) {
    if (index < 0 || index >= this.count) return;
    this.picked = index;
    this.reveal(index);
    this.options.pick?.(index, byKey);
    this.draw();
  }

  reveal(index) {
    const height = this.options.height();
    const { scrollTop, clientHeight } = this.viewport;
    if (index * height < scrollTop) this.viewport.scrollTop = index * height;
    else if ((index + 1) * height > scrollTop + clientHeight) this.viewport.scrollTop = (index + 1) * height - clientHeight;
  }

  onKey(event) {
    if (event.target !== this.viewport || !this.options.pick) return;
    const page = Math.max(1, Math.floor(this.viewport.clientHeight / this.options.height()) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.count, End: this.count };
    if (event.key in steps) {
      event.preventDefault();
      this.choose(Math.min(this.count - 1, Math.max(0, this.picked + steps[event.key])), true);
    } else if (event.key === "Enter") {
      this.choose(this.picked, false);
    }
  }
}

// Change a text only where it differs: most cells stay as they are from one second to the next.
export function setText(element, text) {
  if (element.shownText !== text) {
    element.shownText = text;
    element.textContent = text;
  }
}

export function setClass(element, name) {
  if (element.className !== name) element.className = name;
}
