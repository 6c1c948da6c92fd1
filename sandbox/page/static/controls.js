// What a bot puts under a message: buttons, and Discord's selects.

import { sure } from "./dialogs.js";
import { h } from "./dom.js";
import { Picker } from "./picker.js";

// `acts.press(message, id)`, `acts.select(message, id, values)`, `acts.choices(kind)`; `current()` is the message now.
export function controlsOf(controls, acts, current) {
  return controls.map((control) => (control.style === "select" ? select(control, acts, current) : button(control, acts, current)));
}

function button({ id, label, style, disabled, confirm }, acts, current) {
  if (style === "link") return h("a", { class: "control", href: id, target: "_blank", rel: "noopener noreferrer", text: label });
  const element = h("button", { type: "button", class: `control ${style ?? ""}`, text: label, disabled });
  element.addEventListener("click", async () => {
    if (confirm && !(await sure(confirm))) return;
    element.disabled = true;
    await acts.press(current(), id);
    element.disabled = false;
  });
  return element;
}

function select({ id, label, disabled, kind, options, least, most, chosen }, acts, current) {
  const change = (values) => acts.select(current(), id, values);
  if (kind !== "string" || most > 1) {
    const offered = kind === "string" ? options : acts.choices(kind);
    return new Picker({ options: offered, chosen, placeholder: label, label, most, disabled, done: change }).element;
  }
  const blank = h("option", { value: "", text: label, disabled: least > 0 });
  const element = h("select", { class: "select", "aria-label": label, disabled }, blank, ...options.map((option) => h("option", { value: option.value, text: option.label })));
  element.value = chosen[0] ?? "";
  element.addEventListener("change", () => change(element.value ? [element.value] : []));
  return element;
}
