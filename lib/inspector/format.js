// SPDX-License-Identifier: MIT
// Numbers, times and payloads as text. Nothing here touches the page.

export const narrow = matchMedia("(max-width: 700px)");

const integers = new Intl.NumberFormat("en-US");

export function count(value) {
  return integers.format(value);
}

// A number in few characters: 12,345 is 12.3k.
export function short(value, units = ["", "k", "M", "G", "T"], base = 1000) {
  let unit = 0;
  while (value >= base && unit + 1 < units.length) {
    value /= base;
    unit++;
  }
  const digits = unit > 0 && value < 10 ? 1 : 0;
  return value.toFixed(digits) + units[unit];
}

export function size(value) {
  return short(value, [" B", " KiB", " MiB", " GiB", " TiB"], 1024);
}

export function clock(ms) {
  const date = new Date(ms);
  const two = (number) => String(number).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.` +
    String(date.getMilliseconds()).padStart(3, "0");
}

export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

// Characters that would not be seen, or would move others about, are shown by pictures.
// eslint-disable-next-line no-control-regex
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

export function visible(text) {
  return text.replace(unseen, (character) => {
    const code = character.codePointAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "\u2421" : `\u27e8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
  });
}

// Text in rows of at most so many characters.
export function textRows(text, width) {
  const rows = [];
  for (const line of text.split("\n")) {
    let at = 0;
    do {
      let end = Math.min(line.length, at + width);
      if (end < line.length && (line.charCodeAt(end) & 0xfc00) === 0xdc00) end++;
      rows.push(visible(line.slice(at, end)));
      at = end;
    } while (at < line.length);
  }
  return rows;
}

export function hexRow(bytes, at, width) {
  let hex = "";
  let text = "";
  for (let i = at; i < at + width; i++) {
    const byte = bytes[i];
    hex += i < bytes.length ? byte.toString(16).padStart(2, "0") + " " : "   ";
    if (i % 8 === 7 && width > 8) hex += " ";
    if (i < bytes.length) text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "\u00b7";
  }
  return `${at.toString(16).padStart(width > 8 ? 8 : 6, "0")}  ${hex} ${text}`;
}

// Indent JSON without changing a character of what it holds: numbers stay as they were written.
export function indentJson(text) {
  let out = "";
  let depth = 0;
  let inString = false;
  const line = () => "\n" + "  ".repeat(depth);
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (inString) {
      out += c;
      if (c === "\\") out += text[++i];
      else if (c === '"') inString = false;
    } else if (c === "{" || c === "[") {
      const rest = /^\s*[}\]]/.exec(text.slice(i + 1, i + 200));
      if (rest) {
        out += c + rest[0].trim();
        i += rest[0].length;
      } else {
        depth++;
        out += c + line();
      }
    } else if (c === "}" || c === "]") {
      depth--;
      out += line() + c;
    } else if (c === ",") {
      out += c + line();
    } else if (c === ":") {
      out += ": ";
    } else if (c === '"') {
      inString = true;
      out += c;
    } else if (!/\s/.test(c)) {
      out += c;
    }
  }
  return out;
}
