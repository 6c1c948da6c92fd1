// Dialogs: the one that asks whether one is sure, and the forms that a bot opens.

import { h, put, write } from "./dom.js";
import { Picker } from "./picker.js";

let dialogs = 0;

function dialog(kind, title) {
  dialogs += 1;
  const heading = h("h2", { id: `dialog-${dialogs}`, text: title });
  return { heading, box: h("dialog", { class: `dialog ${kind}`, "aria-labelledby": heading.id }) };
}

// Whether the person is sure; Escape is a no.
export function sure({ title, text, confirm, deny, style }) {
  const { heading, box } = dialog("sure", title);
  const yes = h("button", { type: "button", class: `control ${style}`, text: confirm });
  const no = h("button", { type: "button", class: "control", "aria-label": deny === "✕" ? "Cancel" : null, text: deny === "✕" ? "Cancel" : deny });
  box.append(heading, h("p", { text }), h("div", { class: "feet" }, no, yes));
  document.body.append(box);
  box.showModal();
  return new Promise((resolve) => {
    yes.addEventListener("click", () => box.close("yes"));
    no.addEventListener("click", () => box.close(""));
    box.addEventListener("close", () => {
      box.remove();
      resolve(box.returnValue === "yes");
    });
  });
}

// The form that one person has open on one platform; it comes and goes as the server says.
export class Forms {
  // `submit(form, values)` and `cancel(form)` return promises; `people()`, `roles()` are what can be picked.
  constructor(platform, { submit, cancel, people }) {
    Object.assign(this, { platform, submit, cancel, people });
    this.form = null;
  }

  show(form) {
    const same = form && this.form && form.id === this.form.id && JSON.stringify(form.fields) === JSON.stringify(this.form.fields);
    if (!same) {
      this.close();
      if (form) this.open(form);
    }
    if (!form) return;
    if (JSON.stringify(form.errors) !== JSON.stringify(this.form.errors)) this.blame(form.errors);
    this.form = form;
  }

  close() {
    if (!this.form) return;
    this.form = null;
    this.ours = true;
    this.box.close();
    this.box.remove();
    this.ours = false;
    if (this.opener?.isConnected) this.opener.focus();
  }

  open(form) {
    this.form = form;
    this.opener = document.activeElement;
    const { heading, box } = dialog(`form ${this.platform}`, form.title);
    this.box = box;
    this.fields = new Map();
    this.problem = h("p", { class: "problem", role: "alert" });
    this.send = h("button", { type: "submit", class: "control primary", text: form.submit || "Close" });
    const body = h("div", { class: "fields" }, ...form.fields.map((field) => this.field(field)));
    const feet = h("div", { class: "feet" }, this.problem, h("button", { type: "button", class: "control", text: form.close, onclick: () => this.leave() }), form.submit ? this.send : null);
    const paper = h("form", { novalidate: true }, h("header", {}, heading, h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => this.leave() }, "✕")), body, feet);
    paper.addEventListener("submit", (event) => {
      event.preventDefault();
      this.finish();
    });
    box.append(paper);
    box.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.leave();
    });
    // A browser may close a dialog that resists Escape; the server hears of that too.
    box.addEventListener("close", () => this.ours || this.form !== form || this.leave());
    document.body.append(box);
    box.showModal();
    box.querySelector("input, textarea, select, .picker button")?.focus();
  }

  field(field) {
    if (field.kind === "rule") return h("hr");
    if (field.kind === "title") return h("h3", { text: field.text });
    if (field.kind === "words") {
      const words = h("div", { class: "body" });
      words.innerHTML = field.html; // made by the server, which lets nothing live through
      return words;
    }
    const id = `field-${dialogs}-${field.id}`;
    const error = h("p", { class: "problem", id: `${id}-error` });
    const hint = field.hint ? h("p", { class: "hint", id: `${id}-hint`, text: field.hint }) : null;
    const described = hint ? `${id}-hint ${id}-error` : `${id}-error`;
    const { element, read, focus } = this.input(field, { id, "aria-describedby": described });
    element.addEventListener("input", () => write(error, ""));
    this.fields.set(field.id, { field, read, focus, error });
    const optional = field.optional && this.platform === "slack" ? h("span", { text: " (optional)" }) : null;
    const star = !field.optional && this.platform === "discord" ? h("span", { class: "star", "aria-label": "required", text: " *" }) : null;
    return h("div", { class: "entry" }, h("label", { for: id, id: `${id}-label` }, field.label, optional, star), element, hint, error);
  }

  input(field, about) {
    if (field.kind === "line" || field.kind === "lines") {
      const box = field.kind === "lines" ? h("textarea", { ...about, rows: "4" }) : h("input", { ...about, type: "text", autocomplete: "off" });
      put(box, "maxlength", String(field.most));
      put(box, "placeholder", field.placeholder);
      box.value = field.values[0] ?? "";
      return { element: box, read: () => box.value, focus: () => box.focus() };
    }
    if (field.kind === "choice") {
      const blank = field.optional || !field.values.length ? [h("option", { value: "", text: field.optional ? "–" : "Choose one" })] : [];
      const select = h("select", about, ...blank, ...field.options.map(({ value, label }) => h("option", { value, text: label })));
      select.value = field.values[0] ?? "";
      return { element: select, read: () => (select.value ? [select.value] : []), focus: () => select.focus() };
    }
    const options = field.kind === "people" ? this.people() : field.options;
    const picker = new Picker({ options, chosen: field.values, placeholder: field.kind === "people" ? "Choose people" : "Choose", ...about, labelledby: `${about.id}-label` });
    return { element: picker.element, read: () => picker.chosen, focus: () => picker.focus() };
  }

  blame(errors) {
    this.busy(false);
    let first = null;
    for (const [id, { error, focus }] of this.fields) {
      write(error, errors[id] ?? "");
      if (errors[id]) first ??= focus;
    }
    first?.();
  }

  busy(sending) {
    this.send.disabled = sending;
    write(this.send, sending ? "Sending…" : this.form?.submit ?? "");
  }

  fail(sentence) {
    if (!this.form) return;
    this.busy(false);
    write(this.problem, sentence);
  }

  async finish() {
    if (!this.form.submit) return this.leave();
    const values = {};
    const missing = {};
    for (const [id, { field, read }] of this.fields) {
      values[id] = read();
      if (!field.optional && !values[id].length) missing[id] = this.platform === "slack" ? "Please complete this required field." : "This field is required.";
    }
    write(this.problem, "");
    this.blame(missing);
    if (Object.keys(missing).length) return undefined;
    this.busy(true);
    try {
      await this.submit(this.form, values);
    } catch (error) {
      this.fail(error.message);
    }
    return undefined;
  }

  async leave() {
    const form = this.form;
    this.close();
    try {
      if (form) await this.cancel(form);
    } catch {
      // It is gone on the server already.
    }
  }
}
