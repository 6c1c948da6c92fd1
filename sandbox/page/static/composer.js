// Where one types: Enter sends, Shift and Enter break the line, @ offers people, / offers commands.

import { h, put } from "./dom.js";
import { Attachments } from "./files.js";

let boxes = 0;

export class Composer {
  // `people()`: [{id, name, bot}] to be mentioned; `commands()`: [{name, hint, takes, more}]; `send(text, context, files)`
  // returns a promise.
  constructor({ label, people, commands = () => [], send, mention }) {
    boxes += 1;
    this.people = people;
    this.commands = commands;
    this.send = send;
    this.mention = mention;
    this.options = [];
    this.chosen = 0;
    this.context = null;
    const id = `offers-${boxes}`;
    this.box = h("textarea", { rows: "1", "aria-label": label, "aria-autocomplete": "list", "aria-controls": id, "aria-describedby": `hint-${boxes}`, autocomplete: "off", spellcheck: "true" });
    this.offers = h("ul", { class: "offers", id, role: "listbox", "aria-label": "Suggestions", hidden: true });
    this.button = h("button", { type: "submit", class: "send", "aria-label": "Send", title: "Send (Enter)" }, "➤");
    this.note = h("div", { class: "context", hidden: true });
    this.problem = h("p", { class: "problem", role: "alert" });
    this.hint = h("p", { class: "hint", id: `hint-${boxes}` }, h("kbd", {}, "@"), " mention  ", h("kbd", {}, "/"), " command  ", h("kbd", {}, "⇧↵"), " new line");
    this.files = new Attachments(this.box, () => this.grow());
    this.element = h("form", { class: "composer" }, this.offers, this.note, this.files.list, h("div", { class: "field" }, this.files.button, this.box, this.button), this.files.input, this.hint, this.problem);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.box.addEventListener("input", () => this.typed());
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("blur", () => this.offer([]));
    this.offers.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) this.accept(this.options[Number(option.dataset.index)]);
    });
  }

  placeholder(text) {
    put(this.box, "placeholder", text);
    put(this.box, "aria-label", text);
  }

  focus() {
    this.box.focus();
  }

  // "Replying to Ada", "Editing": a line above the field that Escape takes away.
  about(context) {
    this.context = context;
    this.note.hidden = !context;
    if (!context) return;
    this.note.replaceChildren(h("span", { text: context.label }), h("button", { type: "button", "aria-label": "Cancel", onclick: () => this.cancel() }, "✕"));
    if (context.text !== undefined) this.fill(this.spoken(context.text));
    this.focus();
  }

  cancel() {
    if (this.context?.text !== undefined) this.fill("");
    this.about(null);
    this.focus();
  }

  // Something to go on from: it is typed, and the caret stands after it.
  begin(text) {
    this.about(null);
    this.files.set([]);
    this.fill(text);
    this.box.focus();
    this.box.selectionStart = this.box.selectionEnd = text.length;
    this.typed();
  }

  fill(text) {
    this.box.value = text;
    this.grow();
  }

  grow() {
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(this.box.scrollHeight, 180)}px`;
    this.element.classList.toggle("filled", this.box.value.trim() !== "" || this.files.files.length > 0);
  }

  typed() {
    this.grow();
    this.problem.textContent = "";
    const { value, selectionStart: caret } = this.box;
    const before = value.slice(0, caret);
    const slash = /^\/(\w*)$/.exec(before);
    const further = /^\/(\w+) ([\w ]*)$/.exec(before);
    const at = /(?:^|[\s(])@(\w*)$/.exec(before);
    if (slash) {
      this.offer(
        this.commands()
          .filter(({ name }) => name.startsWith(slash[1]))
          .map(({ name, hint, takes }) => ({ label: `/${name} ${takes}`.trim(), hint, from: 0, text: `/${name} ` })),
      );
    } else if (further) {
      const [, name, typed] = further;
      const more = this.commands().find((command) => command.name === name)?.more ?? [];
      this.offer(more.filter((sub) => sub.name.startsWith(typed)).map((sub) => ({ label: sub.name, hint: sub.hint, from: name.length + 2, text: sub.name })));
    } else if (at) {
      const typed = at[1].toLowerCase();
      this.offer(
        this.people()
          .filter(({ name }) => name.toLowerCase().startsWith(typed))
          .sort((a, b) => Number(b.bot) - Number(a.bot))
          .slice(0, 6)
          .map(({ name, bot }) => ({ label: `@${name}`, hint: bot ? "app" : "", from: caret - at[1].length - 1, text: `@${name} ` })),
      );
    } else {
      this.offer([]);
    }
  }

  offer(options) {
    this.options = options;
    this.chosen = 0;
    this.offers.hidden = !options.length;
    this.offers.replaceChildren(
      ...options.map(({ label, hint }, index) => h("li", { role: "option", id: `${this.offers.id}-${index}`, "data-index": String(index) }, h("b", { text: label }), h("span", { text: hint }))),
    );
    this.mark();
  }

  mark() {
    [...this.offers.children].forEach((option, index) => put(option, "aria-selected", String(index === this.chosen)));
    put(this.box, "aria-activedescendant", this.options.length ? `${this.offers.id}-${this.chosen}` : null);
  }

  accept({ from, text }) {
    const { value, selectionStart: caret } = this.box;
    this.box.value = value.slice(0, from) + text + value.slice(caret);
    this.box.selectionStart = this.box.selectionEnd = from + text.length;
    this.offer([]);
    this.grow();
    if (text.endsWith(" ")) this.typed();
  }

  // What is typed already is what the chosen offer would type: Enter then sends.
  get complete() {
    const { from, text } = this.options[this.chosen];
    return !text.endsWith(" ") && this.box.value.slice(from) === text;
  }

  key(event) {
    if (event.isComposing) return;
    if (this.options.length) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        event.preventDefault();
        this.chosen = (this.chosen + step + this.options.length) % this.options.length;
        this.mark();
        return;
      }
      if (event.key === "Tab" || (event.key === "Enter" && !this.complete)) {
        event.preventDefault();
        this.accept(this.options[this.chosen]);
        return;
      }
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        this.offer([]);
        return;
      }
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape" && this.context) {
      event.preventDefault();
      event.stopPropagation();
      this.cancel();
    }
  }

  async submit() {
    const text = this.box.value.trim();
    const { files } = this.files;
    if ((!text && !files.length) || this.sending) return;
    const context = this.context;
    this.sending = true;
    this.files.set([]);
    this.fill("");
    this.offer([]);
    this.about(null);
    this.problem.textContent = "";
    try {
      await this.send(text, context, files);
    } catch (error) {
      // What was typed is given back, unless something else has been typed since.
      if (!this.box.value) {
        this.files.set(files);
        this.fill(text);
        this.context = context;
        this.note.hidden = !context;
      }
      this.problem.textContent = sentence(error.message);
    } finally {
      this.sending = false;
    }
  }

  // "@claude" as the platform writes it. The longest name first, so that "@Ada B" is not taken for "@Ada".
  written(text) {
    return [...this.people()]
      .sort((a, b) => b.name.length - a.name.length)
      .reduce((words, { id, name }) => words.replace(new RegExp(`(^|[\\s(])@${escaped(name)}\\b`, "gi"), (_, space) => space + this.mention(id)), text);
  }

  spoken(text) {
    return this.people().reduce((words, { id, name }) => words.replaceAll(this.mention(id), `@${name}`), text);
  }
}

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

export const sentence = (words) => (words ? `${words[0].toUpperCase()}${words.slice(1).replace(/\.?$/, ".")}` : "");
