// A list of messages: grows at its end without moving what somebody reads, and can be walked with the arrow keys.

import { h, put } from "./dom.js";
import { Row } from "./message.js";

const MOST_ROWS = 150;
const NEAR = 48; // pixels from the bottom that still count as being there
const TOGETHER = 300; // seconds within which the same author's messages stand under one name

export class Feed {
  constructor(store, acts, label) {
    this.store = store;
    this.acts = { ...acts, go: (id) => this.go(id) };
    this.rows = new Map();
    this.list = h("div", { class: "list", role: "log", "aria-live": "off", "aria-label": label, tabindex: "0" });
    this.empty = h("div", { class: "empty" });
    this.latest = h("button", { type: "button", class: "latest", hidden: true, onclick: () => this.toEnd(true) }, "↓ Latest");
    this.element = h("div", { class: "feed" }, this.list, this.latest);
    this.pinned = true;
    this.list.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.list.addEventListener("keydown", (event) => this.walk(event));
    this.list.addEventListener("focusin", ({ target }) => this.settle(target.closest(".message")));
    // What grows within a row, or a window that changes, keeps the end in view where it was.
    new ResizeObserver(() => this.pinned && this.rows.size && this.toEnd()).observe(this.list);
  }

  label(text) {
    put(this.list, "aria-label", text);
  }

  clear() {
    this.rows.clear();
    this.list.replaceChildren();
    this.pinned = true;
  }

  show(messages, { person, replies = null, all = messages, empty = null }) {
    const shown = messages.slice(-MOST_ROWS);
    const wanted = new Set(shown.map(({ id }) => id));
    for (const [id, row] of this.rows) {
      if (wanted.has(id)) continue;
      if (row.element.contains(document.activeElement)) this.list.focus({ preventScroll: true });
      row.element.remove();
      this.rows.delete(id);
    }
    const byId = new Map(all.map((message) => [message.id, message]));
    let last = null;
    let place = this.list.firstElementChild;
    if (place === this.empty) place = place.nextElementSibling;
    for (const message of shown) {
      let row = this.rows.get(message.id);
      if (!row) {
        row = new Row(this.store, this.acts);
        this.rows.set(message.id, row);
      }
      const follows = Boolean(
        last && last.author === message.author && !message.reply_to && !message.ephemeral_for && !last.ephemeral_for && message.at - last.at < TOGETHER,
      );
      row.update(message, { follows, answered: message.reply_to ? byId.get(message.reply_to) : null, replies: replies?.get(message.id) ?? null, person });
      if (row.element === place) place = place.nextElementSibling;
      else this.list.insertBefore(row.element, place);
      last = message;
    }
    if (shown.length) this.empty.remove();
    else if (empty) this.fillEmpty(empty);
    if (!this.pinned) this.scrolled(); // what became shorter may end in view
    if (this.pinned && shown.length) this.toEnd();
  }

  // `empty`: [key, make] of what stands where nothing was said; made anew when the key changes.
  fillEmpty(empty) {
    const [key, make] = empty;
    if (this.emptyKey !== key) this.empty.replaceChildren(...make());
    this.emptyKey = key;
    if (this.empty.parentElement !== this.list) this.list.prepend(this.empty);
  }

  animate() {
    for (const row of this.rows.values()) {
      if (row.message.growth.length || row.replies) row.animate();
    }
  }

  scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.list;
    this.pinned = scrollHeight - scrollTop - clientHeight < NEAR;
    this.latest.hidden = this.pinned;
  }

  toEnd(move = false) {
    this.list.scrollTop = this.list.scrollHeight;
    this.pinned = true;
    this.latest.hidden = true;
    if (move) this.list.focus({ preventScroll: true });
  }

  go(id) {
    const row = this.rows.get(id);
    if (!row) return;
    row.element.scrollIntoView({ block: "center" });
    row.element.focus({ preventScroll: true });
  }

  // Arrow keys go from message to message; Tab then reaches the buttons of that one.
  walk(event) {
    const rows = [...this.list.querySelectorAll(".message")];
    if (!rows.length || (event.target !== this.list && !event.target.matches(".message"))) return;
    const at = rows.indexOf(event.target);
    const to = { ArrowDown: at < 0 ? rows.length - 1 : at + 1, ArrowUp: at < 0 ? rows.length - 1 : at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = rows[Math.min(rows.length - 1, Math.max(0, to))];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  settle(row) {
    if (row === this.settled) return;
    for (const [element, index] of [[this.settled, "-1"], [row, "0"]]) {
      element?.querySelectorAll(".actions button").forEach((button) => put(button, "tabindex", index));
    }
    this.settled = row;
  }
}
