// Choosing several of many: a button that says what is chosen, and a list to tick that opens under it.

import { h, put, write } from "./dom.js";

const FILTERED = 8; // options beyond which one may type to find one

export class Picker {
  // `done(chosen)` is called when the list closes and something has changed.
  constructor({ options, chosen, placeholder, id = null, labelledby = null, label = null, most = Infinity, disabled = false, done = () => {}, ...about }) {
    this.options = options;
    this.chosen = chosen.filter((value) => options.some((option) => option.value === value));
    this.placeholder = placeholder;
    this.most = most;
    this.says = h("span");
    this.button = h("button", { type: "button", id, class: "pick", "aria-haspopup": "listbox", "aria-expanded": "false", "aria-labelledby": labelledby, "aria-label": label, disabled, ...about }, this.says, h("span", { class: "chevron", "aria-hidden": "true" }));
    this.list = h("div", { class: "picks", popover: "auto" });
    this.element = h("div", { class: "picker" }, this.button, this.list);
    this.button.addEventListener("click", () => (this.list.matches(":popover-open") ? this.list.hidePopover() : this.open()));
    this.list.addEventListener("toggle", ({ newState }) => {
      const open = newState === "open";
      put(this.button, "aria-expanded", String(open));
      if (open) return;
      if (this.before !== this.chosen.join()) done(this.chosen);
    });
    this.list.addEventListener("keydown", (event) => this.walk(event));
    this.tell();
  }

  focus() {
    this.button.focus();
  }

  tell() {
    const names = this.chosen.map((value) => this.options.find((option) => option.value === value).label);
    write(this.says, names.join(", ") || this.placeholder);
    this.says.classList.toggle("none", !names.length);
  }

  open() {
    this.before = this.chosen.join();
    const rows = this.options.map(({ value, label }) => {
      const tick = h("input", { type: "checkbox", value });
      tick.checked = this.chosen.includes(value);
      tick.addEventListener("change", () => this.ticked(tick));
      return h("label", {}, tick, h("span", { text: label }));
    });
    const find = h("input", { type: "search", class: "find", placeholder: "Find", "aria-label": "Find", autocomplete: "off" });
    find.addEventListener("input", (event) => {
      event.stopPropagation();
      const typed = find.value.trim().toLowerCase();
      rows.forEach((row) => (row.hidden = !row.textContent.toLowerCase().includes(typed)));
    });
    this.list.replaceChildren(...(rows.length > FILTERED ? [find] : []), ...(rows.length ? rows : [h("p", { class: "none", text: "Nothing to choose" })]));
    this.list.showPopover();
    const { left, bottom, top, width } = this.button.getBoundingClientRect();
    const below = innerHeight - bottom;
    const up = below < 200 && top > below;
    Object.assign(this.list.style, {
      left: `${Math.max(6, Math.min(left, innerWidth - Math.max(width, 200) - 6))}px`,
      minWidth: `${Math.max(width, 200)}px`,
      top: up ? "auto" : `${bottom + 3}px`,
      bottom: up ? `${innerHeight - top + 3}px` : "auto",
      maxHeight: `${Math.max(120, Math.min(280, (up ? top : below) - 12))}px`,
    });
    this.list.querySelector("input")?.focus();
  }

  ticked(tick) {
    this.chosen = this.chosen.filter((value) => value !== tick.value);
    if (tick.checked) this.chosen.push(tick.value);
    if (this.chosen.length > this.most) {
      const lost = this.chosen.shift();
      const box = [...this.list.querySelectorAll("input[type=checkbox]")].find(({ value }) => value === lost);
      if (box) box.checked = false;
    }
    this.tell();
    if (this.most === 1 && tick.checked) {
      this.list.hidePopover();
      this.focus();
    }
  }

  walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter") {
      event.preventDefault();
      this.list.hidePopover();
      this.focus();
    }
    if (!step) return;
    event.preventDefault();
    const stops = [...this.list.querySelectorAll("input")].filter((input) => !input.closest("[hidden]"));
    const at = stops.indexOf(document.activeElement);
    stops[(at + step + stops.length) % stops.length]?.focus();
  }
}
