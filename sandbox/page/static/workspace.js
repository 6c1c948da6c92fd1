// One chat platform: its channels, the messages of one of them, a thread beside it, and who one speaks as.

import { announce, h, put, svg, write } from "./dom.js";
import { Composer } from "./composer.js";
import { Feed } from "./feed.js";
import { avatar, plain } from "./message.js";

export class Workspace {
  constructor(root, name, store, live) {
    this.root = root;
    this.name = name;
    this.store = store;
    this.live = live;
    this.person = "";
    this.channel = "";
    this.thread = "";
    this.unread = new Set();
    this.mine = new Set();
    this.announced = new Map();
    this.threaded = name === "slack";
    this.build();
  }

  get platform() {
    return this.store.platforms[this.name];
  }

  get channels() {
    return this.platform.channels.filter(({ kind, person }) => kind !== "dm" || person === this.person);
  }

  get here() {
    return this.channels.find(({ id }) => id === this.channel);
  }

  // ------------------------------------------------------------------------------------------------ building

  build() {
    const acts = {
      nameOf: (id) => this.nameOf(id),
      press: (message, control) => this.attempt(this.live.deed("press", { ...this.at(message), control })),
      remove: (message) => this.attempt(this.live.deed("delete", this.at(message))),
      change: (message) => this.composerOf(message).about({ label: "Editing your message", change: message.id, text: message.text }),
    };
    if (this.threaded) acts.thread = (message) => this.openThread(message.thread || message.id, true);
    else acts.reply = (message) => this.composer.about({ label: `Replying to ${message.name}`, reply: message.id });
    this.feed = new Feed(this.store, acts, "Messages");
    const more = {
      people: () => this.platform?.people ?? [],
      mention: (id) => (id === this.platform.bot.id ? this.platform.mention : `<@${id}>`),
    };
    this.composer = new Composer({
      ...more,
      label: "Message",
      commands: [{ name: "ask", hint: "a question for claude" }],
      send: (text, context) => this.say(text, context, ""),
    });
    this.title = h("h2");
    this.select = h("select", { onchange: () => this.speakAs(this.select.value) });
    this.face = h("span", { class: "me" });
    this.status = h("p", { class: "status" });
    this.nav = h("nav", { "aria-label": `${this.root.getAttribute("aria-label")} channels` });
    const stage = h(
      "div", { class: "stage" },
      h("header", { class: "bar" }, this.title),
      this.feed.element, this.status, this.composer.element,
    );
    // Under the channels, so that it is there beside a thread too.
    const speaker = h("label", { class: "speak" }, this.face, h("span", { class: "words", text: "Speaking as" }), this.select);
    this.frame = h("div", { class: "frame" }, this.nav, speaker, stage);
    if (this.threaded) this.buildThread(acts, more);
    this.root.append(this.frame);
  }

  buildThread(acts, more) {
    this.replies = new Feed(this.store, { ...acts, thread: null }, "Thread");
    this.threadComposer = new Composer({ ...more, label: "Reply in the thread", send: (text, context) => this.say(text, context, this.thread) });
    this.threadComposer.placeholder("Reply in the thread");
    this.threadStatus = h("p", { class: "status" });
    this.threadWhere = h("span");
    const close = h("button", { type: "button", class: "back", "aria-label": "Close the thread", onclick: () => this.closeThread() }, h("span", { class: "arrow", "aria-hidden": "true" }, "←"), this.threadWhere);
    this.panel = h(
      "section", { class: "thread", "aria-label": "Thread", hidden: true },
      h("header", { class: "bar" }, h("h2", { text: "Thread" }), close),
      this.replies.element, this.threadStatus, this.threadComposer.element,
    );
    this.panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.closeThread();
    });
    this.frame.append(this.panel);
  }

  at(message) {
    return { platform: this.name, person: this.person, channel: message.channel, message: message.id };
  }

  composerOf(message) {
    return this.threaded && message.thread && this.thread ? this.threadComposer : this.composer;
  }

  async attempt(promise) {
    try {
      await promise;
    } catch (error) {
      this.composer.problem.textContent = error.message;
    }
  }

  // ------------------------------------------------------------------------------------------------ deeds

  async say(text, context, thread) {
    const where = { platform: this.name, person: this.person, channel: this.channel };
    if (context?.change) return this.live.deed("change", { ...where, message: context.change, text: this.composer.written(text) });
    const command = /^\/(\w+)\s*([\s\S]*)$/.exec(text);
    if (command && thread) throw new Error("Slack takes no commands in a thread: type it in the channel");
    if (command) {
      this.commanded = true;
      return this.live.deed("command", { ...where, name: command[1], text: command[2] });
    }
    const id = await this.live.deed("say", { ...where, text: this.composer.written(text), thread, reply_to: context?.reply ?? "" });
    if (!thread) this.mine.add(id);
    return id;
  }

  ask(question) {
    if (!this.here || (this.here.kind !== "dm" && this.here.name !== "general")) this.goto(this.channels.find(({ name }) => name === "general").id);
    return this.attempt(this.say(this.here.kind === "dm" ? question : `@${this.platform.bot.name} ${question}`, null, ""));
  }

  speakAs(person) {
    const direct = this.here?.kind === "dm";
    this.person = person;
    if (direct) this.channel = this.channels.find(({ kind }) => kind === "dm")?.id ?? "";
    if (direct) this.thread = "";
    this.feed.clear();
    this.replies?.clear();
    this.draw();
  }

  goto(channel) {
    if (channel !== this.channel) this.feed.clear();
    this.channel = channel;
    this.unread.delete(channel);
    if (this.thread) this.closeThread(false);
    this.draw();
  }

  openThread(root, focus = false) {
    if (root !== this.thread) this.replies.clear();
    this.thread = root;
    this.draw();
    if (focus) this.threadComposer.focus();
  }

  closeThread(focus = true) {
    const root = this.thread;
    this.thread = "";
    this.draw();
    if (focus) this.feed.go(root);
  }

  // ------------------------------------------------------------------------------------------------ hearing

  heard({ all, changed, fresh, channels, statuses }) {
    if (all) this.begin();
    for (const message of fresh) {
      if (message.platform !== this.name) continue;
      if (message.channel !== this.channel) this.unread.add(message.channel);
      // Slack does not post a typed command: the bot posts the question itself, and answers under it.
      if (this.threaded && this.commanded && message.bot && !message.thread && !message.ephemeral_for) {
        this.mine.add(message.id);
        this.commanded = false;
      }
      // One's own question opens its thread when the answer begins, unless one reads another that still grows.
      if (message.bot && this.mine.delete(message.thread) && message.channel === this.channel && !this.busy()) this.openThread(message.thread);
    }
    const mine = [...changed].some((key) => key.startsWith(`${this.name}/`));
    if (all || channels || mine) this.draw();
    else if (statuses) this.drawStatus();
  }

  busy() {
    if (!this.thread) return false;
    const editing = this.threadComposer.box.value || this.panel.contains(document.activeElement);
    return editing || this.inThread(this.thread).some((message) => this.store.growing(message));
  }

  begin() {
    const { people } = this.platform;
    const humans = people.filter(({ bot }) => !bot);
    if (!humans.some(({ id }) => id === this.person)) this.person = humans[0]?.id ?? "";
    this.select.replaceChildren(...humans.map(({ id, name }) => h("option", { value: id, text: name })));
    this.select.value = this.person;
    if (!this.here) this.channel = this.channels.find(({ name }) => name === "general")?.id ?? this.channels[0]?.id ?? "";
    if (this.thread && !this.inThread(this.thread).length) this.thread = "";
  }

  seen(message) {
    return !message.ephemeral_for || message.ephemeral_for === this.person;
  }

  inThread(root) {
    return [...this.store.messages(this.name, this.channel).values()].filter((message) => (message.id === root || message.thread === root) && this.seen(message));
  }

  // ------------------------------------------------------------------------------------------------ drawing

  draw() {
    const here = this.here;
    if (!here) return;
    this.drawNav();
    const title = here.kind === "dm" ? this.platform.bot.name : here.name;
    write(this.title, here.kind === "dm" ? title : `# ${title}`);
    this.face.replaceChildren(avatar(this.nameOf(this.person), false));
    this.composer.placeholder(here.kind === "dm" ? `Message ${title}` : `Message #${title}`);
    this.feed.label(`Messages in ${title}`);
    const all = [...this.store.messages(this.name, this.channel).values()].filter((message) => this.seen(message));
    const replies = this.threaded ? Map.groupBy(all.filter(({ thread }) => thread), ({ thread }) => thread) : null;
    const roots = this.threaded ? all.filter(({ thread, id }) => !thread || thread === id) : all;
    const invitation = here.kind === "dm" ? `Say something to ${title}.` : `Nothing here yet. Type @${this.platform.bot.name} and a question, or choose one above.`;
    this.feed.show(roots, { person: this.person, replies, all, empty: invitation });
    this.drawThread();
    this.drawStatus();
    this.tellUnseen(all);
  }

  drawThread() {
    if (!this.threaded) return;
    const open = Boolean(this.thread);
    this.panel.hidden = !open;
    this.frame.classList.toggle("threading", open);
    if (!open) return;
    write(this.threadWhere, this.here.kind === "dm" ? this.platform.bot.name : `#${this.here.name}`);
    this.replies.show(this.inThread(this.thread), { person: this.person });
  }

  drawStatus() {
    const here = (this.store.gauges.statuses ?? []).filter(({ platform, channel }) => platform === this.name && channel === this.channel);
    const bot = this.platform.bot.name;
    const words = (list) => (list.length ? `${bot} ${list[0].text === "typing" ? "is typing" : list[0].text.replace(/^(?!is )/, "is ")}` : "");
    const inThread = here.filter(({ thread }) => thread && thread === this.thread);
    const elsewhere = here.filter((status) => !inThread.includes(status));
    this.working(this.status, elsewhere.length > 1 ? `${bot} is thinking about ${elsewhere.length} questions` : words(elsewhere));
    if (this.threaded) this.working(this.threadStatus, words(inThread));
  }

  working(line, text) {
    write(line, text);
    line.classList.toggle("on", text !== "");
  }

  drawNav() {
    const groups = [
      ["Channels", this.channels.filter(({ kind }) => kind !== "dm")],
      ["Direct messages", this.channels.filter(({ kind }) => kind === "dm")],
    ];
    const wanted = JSON.stringify([groups, this.channel, [...this.unread]]);
    if (wanted === this.drawn) return;
    this.drawn = wanted;
    const focused = this.nav.contains(document.activeElement) ? document.activeElement.dataset.channel : null;
    this.nav.replaceChildren(
      h("p", { class: "server", text: this.threaded ? "Inkwell Ltd" : "Inkwell" }),
      ...groups.flatMap(([label, channels]) => [
        h("h3", { text: label }),
        h("ul", {}, ...channels.map((channel) => h("li", {}, this.channelButton(channel)))),
      ]),
    );
    if (focused) this.nav.querySelector(`[data-channel="${CSS.escape(focused)}"]`)?.focus();
  }

  channelButton({ id, name, kind, private: closed }) {
    const unread = this.unread.has(id);
    const label = kind === "dm" ? this.platform.bot.name : name;
    const button = h("button", { type: "button", "data-channel": id, class: unread ? "unread" : "", "aria-current": id === this.channel ? "page" : null, onclick: () => this.goto(id) });
    button.append(sign(kind, closed), h("span", { class: "name", text: label }));
    if (unread) button.append(h("span", { class: "unseen", text: " (unread)" }));
    return button;
  }

  nameOf(id) {
    return this.platform.people.find((person) => person.id === id)?.name ?? "?";
  }

  animate() {
    this.feed.animate();
    if (this.thread) this.replies.animate();
  }

  // To those who do not see it: that an answer begins, and its first words when it is whole. Never its growth.
  tellUnseen(messages) {
    for (const message of messages) {
      if (!message.bot || !message.growth.length) continue;
      const growing = this.store.growing(message);
      const was = this.announced.get(message.id);
      if (was === undefined) {
        this.announced.set(message.id, growing);
        if (growing) announce(`${message.name} is answering on ${this.platform.title}`);
      } else if (was && !growing) {
        this.announced.set(message.id, false);
        announce(`${message.name} answered on ${this.platform.title}: ${plain(message.html).slice(0, 120)}`);
      }
    }
  }
}

const SIGNS = { dm: "✦", thread: "↳", channel: "#" };

function sign(kind, closed) {
  const element = h("span", { "aria-hidden": "true" });
  if (closed && kind === "channel") element.append(svg("svg", { viewBox: "0 0 12 12", class: "lock" }, svg("path", { d: "M3.5 5.5V4a2.5 2.5 0 0 1 5 0v1.5M2.5 5.5h7v5h-7z" })));
  else element.textContent = SIGNS[kind];
  return element;
}
