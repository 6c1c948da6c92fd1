// One message as an element that is kept and changed, never built again.

import { count, h, put, write } from "./dom.js";
import { morph } from "./morph.js";
import { Strip } from "./strip.js";

const HUES = 7;

export function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return sum % HUES;
}

export function avatar(name, bot) {
  const face = h("span", { class: bot ? "avatar bot" : `avatar hue-${hue(name)}`, "aria-hidden": "true" });
  if (bot) face.innerHTML = '<svg viewBox="0 0 24 24"><path d="M12 3.5c3 3.8 5.6 6.9 5.6 10.3a5.6 5.6 0 0 1-11.2 0c0-3.4 2.6-6.5 5.6-10.3z"/></svg>';
  else face.textContent = name.slice(0, 1);
  return face;
}

let labels = 0;

export class Row {
  // `acts`: what the feed lets one do with a message (reply, thread, remove, change, press, go); `store` for the clock.
  constructor(store, acts) {
    this.store = store;
    this.acts = acts;
    this.message = null;
    labels += 1;
    this.who = h("b", { class: "who", id: `who-${labels}` });
    this.badge = h("span", { class: "badge", text: "APP", hidden: true });
    this.time = h("time", { class: "time" });
    this.face = h("span", { class: "face" });
    this.reference = h("button", { class: "reference", type: "button", hidden: true, onclick: () => this.acts.go(this.message.reply_to) });
    this.body = h("div", { class: "body" });
    this.edited = h("span", { class: "edited", text: "(edited)", hidden: true });
    this.controls = h("div", { class: "controls", hidden: true });
    this.whisper = h("p", { class: "whisper", text: "Only visible to you", hidden: true });
    this.files = h("ul", { class: "files", hidden: true });
    this.strip = new Strip();
    this.strip.element.hidden = true;
    this.thread = null;
    this.actions = h("div", { class: "actions" });
    this.main = h(
      "div", { class: "main" },
      this.whisper,
      h("div", { class: "line" }, this.who, this.badge, this.time),
      this.body, this.edited, this.files, this.controls, this.strip.element,
    );
    this.element = h("article", { class: "message", tabindex: "-1", "aria-labelledby": this.who.id }, this.reference, this.face, this.main, this.actions);
    this.body.addEventListener("click", reveal);
    this.body.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      if (reveal(event)) event.preventDefault();
    });
  }

  update(message, { follows, answered, replies, person }) {
    const before = this.message;
    if (before === message && this.follows === follows && this.person === person && this.replies === replies && this.answered === answered) return;
    this.message = message;
    if (before?.author !== message.author || before?.name !== message.name) {
      write(this.who, message.name);
      this.badge.hidden = !message.bot;
      this.face.replaceChildren(avatar(message.name, message.bot));
      this.element.classList.toggle("by-bot", message.bot);
    }
    if (before?.at !== message.at) {
      const wall = this.store.wall(message.at);
      write(this.time, wall.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" }));
      put(this.time, "datetime", wall.toISOString());
    }
    this.follows = follows;
    this.element.classList.toggle("follows", follows);
    const html = message.loading && !message.html ? "<em>thinking…</em>" : message.html;
    if (this.html !== html) morph(this.body, html, { inked: before !== null && message.bot });
    if (this.html !== html && !message.bot) dim(this.body);
    this.html = html;
    if (before?.files.join() !== message.files.join()) {
      this.files.hidden = !message.files.length;
      this.files.replaceChildren(...message.files.map((name) => h("li", { text: name })));
    }
    this.edited.hidden = !message.edited;
    this.whisper.hidden = !message.ephemeral_for;
    this.element.classList.toggle("whispered", Boolean(message.ephemeral_for));
    this.press(before?.controls, message.controls);
    this.refer(answered);
    this.reply(replies);
    if (!before || this.person !== person) this.act(message, person);
    this.person = person;
    this.animate();
  }

  // What moves by itself while a reply grows: its strip, and that of its thread.
  animate() {
    const { message, replies } = this;
    const growing = this.store.growing(message);
    this.element.classList.toggle("growing", growing);
    if (message.growth.length) this.strip.draw([message.growth], this.store.now(), growing);
    if (!replies) return growing;
    const answers = replies.filter(({ bot }) => bot);
    const any = answers.some((reply) => this.store.growing(reply));
    this.threadStrip.draw(answers.map(({ growth }) => growth).filter(({ length }) => length), this.store.now(), any);
    this.thread.classList.toggle("growing", any);
    return growing || any;
  }

  press(before, controls) {
    if (JSON.stringify(before) === JSON.stringify(controls)) return;
    const held = document.activeElement?.closest?.(".controls") === this.controls;
    this.controls.hidden = !controls.length;
    this.controls.replaceChildren(
      ...controls.map(({ id, label, style }) => {
        const button = h("button", { type: "button", class: `control ${style ?? ""}`, text: label, disabled: false });
        button.addEventListener("click", async () => {
          button.disabled = true;
          await this.acts.press(this.message, id);
          button.disabled = false;
        });
        return button;
      }),
    );
    // A button that vanishes under the hand leaves the focus with its message.
    if (held) (this.controls.querySelector("button") ?? this.element).focus();
  }

  // The line above: what it replies to, or the command that it answers.
  refer(answered) {
    const { command } = this.message;
    const [name, words] = answered ? [answered.name, plain(answered.html).slice(0, 90)] : command ? [this.acts.nameOf(command.person), `used /${command.name} ${command.text}`] : ["", ""];
    this.answered = answered;
    this.reference.hidden = !name;
    this.reference.disabled = !answered;
    if (!name || this.referred === name + words) return;
    this.referred = name + words;
    this.reference.replaceChildren(h("b", { text: name }), h("span", { class: "excerpt", text: words }));
    put(this.reference, "aria-label", answered ? `In reply to ${name}: ${words}` : `${name} ${words}`);
  }

  // The line under a root that says how its thread goes, and shows it growing.
  reply(replies) {
    this.replies = replies;
    if (!replies) {
      if (this.thread) this.thread.hidden = true;
      return;
    }
    if (!this.thread) {
      this.threadStrip = new Strip({ small: true });
      this.threadText = h("b");
      this.threadFace = h("span", { class: "faces" });
      this.thread = h(
        "button", { type: "button", class: "thread-line", onclick: () => this.acts.thread(this.message) },
        this.threadFace, this.threadText, this.threadStrip.element,
      );
      this.main.append(this.thread);
    }
    this.thread.hidden = false;
    const last = replies.at(-1);
    if (this.threadLast !== last.author) this.threadFace.replaceChildren(avatar(last.name, last.bot));
    this.threadLast = last.author;
    write(this.threadText, count(replies.length, "reply", "replies"));
  }

  act(message, person) {
    const acts = [];
    if (this.acts.reply) acts.push(["↩", "Reply", () => this.acts.reply(this.message)]);
    if (this.acts.thread && !message.ephemeral_for) acts.push(["❝", "Reply in thread", () => this.acts.thread(this.message)]);
    if (message.author === person) {
      acts.push(["✎", "Edit", () => this.acts.change(this.message)]);
      acts.push(["✕", "Delete", () => this.acts.remove(this.message)]);
    }
    this.actions.replaceChildren(
      ...acts.map(([sign, label, run]) => h("button", { type: "button", tabindex: "-1", title: label, "aria-label": `${label}: message by ${message.name}`, onclick: run }, sign)),
    );
  }
}

// Words such as #script:tables choose an answer of the local Claude: said, and not in the way.
const WISH = /#(?:script|chars|speed|piece|write|fault|first_byte|first_text):\S+/g;

function dim(body) {
  const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const text of texts) {
    for (const found of [...text.data.matchAll(WISH)].reverse()) {
      const wish = text.splitText(found.index);
      wish.splitText(found[0].length);
      wish.replaceWith(h("span", { class: "wish", text: found[0] }));
    }
  }
}

function reveal(event) {
  const spoiler = event.target.closest(".spoiler");
  if (!spoiler) return false;
  spoiler.toggleAttribute("data-open");
  return true;
}

export function plain(html) {
  const template = document.createElement("template");
  template.innerHTML = html.replaceAll("<br>", " ");
  return template.content.textContent.trim().replace(/\s+/g, " ");
}
