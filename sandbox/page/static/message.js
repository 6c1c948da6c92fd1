// One message as an element that is kept and changed, never built again.

import { controlsOf } from "./controls.js";
import { count, h, put, write } from "./dom.js";
import { filesOf } from "./files.js";
import { copy, onMenu, openMenu } from "./menu.js";
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
    this.whisper = h("p", { class: "whisper", hidden: true });
    this.files = h("ul", { class: "files", hidden: true });
    this.reactions = h("div", { class: "reactions", hidden: true });
    this.strip = new Strip();
    this.strip.element.hidden = true;
    this.thread = null;
    this.actions = h("div", { class: "actions" });
    this.main = h(
      "div", { class: "main" },
      h("div", { class: "line" }, this.who, this.badge, this.time),
      this.body, this.edited, this.files, this.controls, this.reactions, this.strip.element,
    );
    // Slack says above such a message who sees it, Discord below, where it can be put away.
    if (acts.dismissible) {
      this.whisper.append("Only you can see this · ", h("button", { type: "button", onclick: () => acts.dismiss(this.message) }, "Dismiss message"));
      this.main.append(this.whisper);
    } else {
      this.whisper.textContent = "Only visible to you";
      this.main.prepend(this.whisper);
    }
    this.element = h("article", { class: "message", tabindex: "-1", "aria-labelledby": this.who.id }, this.reference, this.face, this.main, this.actions);
    onMenu(this.element, (at) => this.menu(this.element, at));
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
    const html = message.loading && !message.html ? "<em>is thinking…</em>" : message.html;
    if (this.html !== html) morph(this.body, html, { inked: before !== null && message.bot });
    if (this.html !== html && !message.bot) dim(this.body);
    this.html = html;
    if (JSON.stringify(before?.files) !== JSON.stringify(message.files)) {
      this.files.hidden = !message.files.length;
      this.files.replaceChildren(...filesOf(message));
    }
    if (this.person !== person || JSON.stringify(before?.reactions) !== JSON.stringify(message.reactions)) this.react(message.reactions, person);
    this.edited.hidden = !message.edited;
    this.whisper.hidden = !message.ephemeral_for;
    this.element.classList.toggle("whispered", Boolean(message.ephemeral_for));
    this.press(before, message);
    this.refer(answered);
    this.reply(replies);
    if (before?.author !== message.author || this.person !== person) this.act(message, person);
    this.person = person;
    this.animate();
  }

  // What moves by itself while a reply grows: its strip, and that of its thread.
  animate() {
    const { message, replies } = this;
    const growing = this.store.growing(message);
    this.element.classList.toggle("growing", growing);
    if (message.growth.length && !message.ephemeral_for) this.strip.draw([message.growth], this.store.now(), growing);
    if (!replies) return growing;
    const answers = replies.filter(({ bot }) => bot);
    const any = answers.some((reply) => this.store.growing(reply));
    this.threadStrip.draw(answers.map(({ growth }) => growth).filter(({ length }) => length), this.store.now(), any);
    this.thread.classList.toggle("growing", any);
    return growing || any;
  }

  press(before, { controls, streaming }) {
    if (JSON.stringify(before?.controls) === JSON.stringify(controls) && before?.streaming === streaming) return;
    const held = document.activeElement?.closest?.(".controls") === this.controls;
    this.controls.hidden = !controls.length && !streaming;
    this.controls.replaceChildren(...controlsOf(controls, this.acts, () => this.message));
    // While a message streams, the platform has a stop button of its own.
    if (streaming) this.controls.append(h("button", { type: "button", class: "control native-stop", onclick: () => this.acts.stop(this.message) }, "■ Stop response"));
    // A button that vanishes under the hand leaves the focus with its message.
    if (held) (this.controls.querySelector("button") ?? this.element).focus();
  }

  // The line above: what it replies to, or the command that it answers.
  refer(answered) {
    const { command, reply_to: asked } = this.message;
    const gone = asked && !answered ? ["Original message", "was deleted"] : null;
    const [name, words] = gone ?? (answered ? [answered.name, plain(answered.html).slice(0, 90)] : command ? [this.acts.nameOf(command.person), `used ${spoken(command)}`] : ["", ""]);
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
        "button", { type: "button", class: "thread-line", onclick: () => this.acts.follow(this.message) },
        this.threadFace, this.threadText, this.threadStrip.element,
      );
      this.main.append(this.thread);
    }
    this.thread.hidden = false;
    const last = replies.at(-1);
    if (last && this.threadLast !== last.author) this.threadFace.replaceChildren(avatar(last.name, last.bot));
    this.threadLast = last?.author;
    const number = this.message.opened ? count(replies.length, "message") : count(replies.length, "reply", "replies");
    write(this.threadText, this.message.opened ? `↳ ${this.acts.titleOf(this.message.opened)} · ${number}` : number);
  }

  react(reactions, person) {
    this.reactions.hidden = !reactions.length;
    this.reactions.replaceChildren(
      ...reactions.map(({ emoji, people }) => {
        const mine = people.includes(person);
        const who = people.map((id) => this.acts.nameOf(id)).join(", ");
        return h("button", { type: "button", class: "reaction", "aria-pressed": String(mine), title: who, "aria-label": `${emoji} ${people.length}: ${who}`, onclick: () => this.acts.react(this.message, emoji, mine) }, emoji, h("span", { text: String(people.length) }));
      }),
    );
  }

  // [sign, label, run, whether it stands beside the message too]
  deeds(message, person) {
    const { acts } = this;
    const deeds = [];
    if (!message.ephemeral_for) {
      if (acts.reply) deeds.push(["↩", "Reply", () => acts.reply(this.message), true]);
      if (acts.thread) deeds.push(["❝", "Reply in thread", () => acts.thread(this.message), true]);
      if (acts.branchOff?.(message)) deeds.push(["", "Create thread", () => acts.begin(this.message), false]);
    }
    deeds.push(["", "Copy text", () => copy(message.text || this.body.innerText.trim()), false]);
    if (message.ephemeral_for) return deeds;
    const own = message.author === person;
    if (own) deeds.push(["✎", "Edit", () => acts.change(this.message), true]);
    if (own || acts.moderates(person)) deeds.push(["✕", "Delete", () => acts.remove(this.message), own]);
    return deeds;
  }

  act(message, person) {
    const more = h("button", { type: "button", tabindex: "-1", title: "More", "aria-label": `More: message by ${message.name}`, "aria-haspopup": "menu" }, "⋯");
    more.addEventListener("click", () => {
      const { left, bottom } = more.getBoundingClientRect();
      this.menu(more, { x: left, y: bottom + 2 });
    });
    this.actions.replaceChildren(
      ...this.deeds(message, person)
        .filter(([, , , beside]) => beside)
        .map(([sign, label, run]) => h("button", { type: "button", tabindex: "-1", title: label, "aria-label": `${label}: message by ${message.name}`, onclick: run }, sign)),
      more,
    );
  }

  menu(from, at) {
    const { message, person, acts } = this;
    const entries = this.deeds(message, person).map(([, label, run]) => [label === "Edit" || label === "Delete" ? `${label} message` : label, run, ""]);
    const offers = message.ephemeral_for ? [] : acts.entries();
    if (offers.length) entries.push(null, ...offers.map(({ id, name, app }) => [name, () => acts.use(this.message, id), app]));
    const mine = new Set(message.reactions.filter(({ people }) => people.includes(person)).map(({ emoji }) => emoji));
    openMenu(from, at, { entries, mine, react: message.ephemeral_for ? null : (emoji) => acts.react(this.message, emoji, mine.has(emoji)) });
  }
}

// "/claude settings": the name holds the subcommands, and so does the text that was typed.
function spoken({ name, text }) {
  const [, ...subs] = name.split(" ");
  const rest = subs.reduce((words, sub) => (words.startsWith(sub) ? words.slice(sub.length).trim() : words), text.trim());
  return `/${name} ${rest}`.trim();
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
