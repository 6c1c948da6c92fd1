// One chat platform: its channels, the messages of one of them, a thread beside it, and who one speaks as.

import { announce, h, write } from "./dom.js";
import { actsOf } from "./acts.js";
import { Prompts, Working, head } from "./agent.js";
import { Channels, commandsOf } from "./channels.js";
import { Composer, sentence } from "./composer.js";
import { Forms } from "./dialogs.js";
import { Feed } from "./feed.js";
import { upload } from "./files.js";
import { avatar, plain } from "./message.js";
import { thingsToTry } from "./tries.js";

const ROLES = {
  slack: { owner: "Owner", admin: "Admin", guest: "Guest", outsider: "Outsider" },
  discord: { owner: "Owner", manager: "Manager", moderator: "Moderator" },
};

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
    this.dismissed = new Set();
    this.noticed = 0;
    this.threaded = name === "slack";
    this.build();
  }

  get platform() {
    return this.store.platforms[this.name];
  }

  get channels() {
    return this.platform.channels.filter(({ kind, person, members }) => (kind !== "dm" || person === this.person) && (!members || members.includes(this.person)));
  }

  get offers() {
    return this.store.gauges.offers?.[this.name]?.[this.here?.kind === "dm" ? "dm" : "channel"] ?? [];
  }

  get commands() {
    return commandsOf(this.offers);
  }

  // Slack's agent surface in one's direct messages; null for an ordinary app, and elsewhere.
  get agent() {
    return this.threaded ? this.store.gauges.agents?.[this.person] ?? null : null;
  }

  get session() {
    return (this.here?.kind === "dm" && this.agent?.sessions.find(({ thread }) => thread === this.thread)) || null;
  }

  get here() {
    return this.channels.find(({ id }) => id === this.channel);
  }

  // ------------------------------------------------------------------------------------------------ building

  build() {
    const acts = actsOf(this);
    this.feed = new Feed(this.store, acts, "Messages");
    const more = {
      people: () => this.platform?.people ?? [],
      mention: (id) => (id === this.platform.bot.id ? this.platform.mention : `<@${id}>`),
    };
    this.composer = new Composer({
      ...more,
      label: "Message",
      commands: () => this.commands,
      send: (text, context, files) => this.say(text, context, files, ""),
    });
    this.forms = new Forms(this.name, {
      submit: ({ id }, values) => this.live.deed("submit", { platform: this.name, person: this.person, form: id, values }),
      cancel: ({ id, person }) => this.live.deed("cancel", { platform: this.name, person, form: id }),
      people: () => this.pickable("user"),
    });
    this.prompts = this.suggesting(() => "");
    this.title = h("h2");
    this.select = h("select", { onchange: () => this.speakAs(this.select.value) });
    this.face = h("span", { class: "me" });
    this.role = h("span", { class: "role" });
    this.status = h("p", { class: "status" });
    this.channelList = new Channels(this.root.getAttribute("aria-label"), this.threaded ? "Inkwell Ltd" : "Inkwell", (channel) => this.goto(channel), (thread) => this.converse(thread));
    this.ideas = h("div", { class: "ideas", popover: "auto", "aria-label": "Things to try" });
    const ask = h("button", { type: "button", class: "quiet try", onclick: () => this.suggest(ask) }, "Things to try");
    const stage = h(
      "div", { class: "stage" },
      h("header", { class: "bar" }, this.title, ask, this.ideas),
      this.feed.element, this.status, h("div", {}, this.prompts.element, this.composer.element),
    );
    // Under the channels, so that it is there beside a thread too.
    const speaker = h("label", { class: "speak" }, this.face, h("span", { class: "words", text: "Speaking as" }), this.select, this.role);
    this.frame = h("div", { class: "frame" }, this.channelList.element, speaker, stage);
    if (this.threaded) this.buildThread(acts, more);
    this.root.append(this.frame);
    this.composer.files.takeDrops(stage);
  }

  // [{value, label}] for those who choose people or roles.
  pickable(kind) {
    const { people, roles, channels } = this.platform;
    const of = { user: people, role: roles, mentionable: [...people, ...roles], channel: channels.filter((one) => one.kind === "channel") }[kind] ?? [];
    return of.map(({ id, name }) => ({ value: id, label: name }));
  }

  suggest(from) {
    this.ideas.replaceChildren(h("h3", { text: "Things to try" }), thingsToTry(this, () => this.ideas.hidePopover()));
    this.ideas.showPopover();
    const { right, bottom } = from.getBoundingClientRect();
    this.ideas.style.left = `${Math.max(6, right - this.ideas.offsetWidth)}px`;
    this.ideas.style.top = `${bottom + 4}px`;
    this.ideas.querySelector("button")?.focus();
  }

  buildThread(acts, more) {
    this.replies = new Feed(this.store, { ...acts, thread: null }, "Thread");
    this.threadComposer = new Composer({ ...more, label: "Reply in the thread", send: (text, context, files) => this.say(text, context, files, this.thread) });
    this.threadComposer.placeholder("Reply in the thread");
    this.threadStatus = h("p", { class: "status" });
    this.threadWhere = h("span");
    const close = h("button", { type: "button", class: "back", "aria-label": "Close the thread", onclick: () => this.closeThread() }, h("span", { class: "arrow", "aria-hidden": "true" }, "←"), this.threadWhere);
    this.threadTitle = h("h2");
    this.threadPrompts = this.suggesting(() => this.thread);
    this.agentWorks = new Working(() => this.attempt(this.live.deed("halt", { person: this.person, channel: this.channel, thread: this.thread })));
    this.panel = h(
      "section", { class: "thread", "aria-label": "Thread", hidden: true },
      h("header", { class: "bar" }, this.threadTitle, close),
      this.replies.element, this.threadStatus, h("div", {}, this.agentWorks.element, this.threadPrompts.element, this.threadComposer.element),
    );
    this.panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.closeThread();
    });
    this.frame.append(this.panel);
  }

  suggesting(thread) {
    return new Prompts(async (title) => {
      const id = await this.attempt(this.live.deed("prompt", { person: this.person, title, thread: thread() }));
      if (id && !thread()) this.mine.add(id);
    });
  }

  at(message) {
    return { platform: this.name, person: this.person, channel: message.channel, message: message.id };
  }

  composerOf(message) {
    return this.threaded && this.thread && (message.thread || message.id) === this.thread ? this.threadComposer : this.composer;
  }

  async attempt(promise) {
    try {
      return await promise;
    } catch (error) {
      this.complain(error.message);
      return undefined;
    }
  }

  complain(words) {
    const composer = this.thread ? this.threadComposer : this.composer;
    composer.problem.textContent = sentence(words);
    this.forms.fail(sentence(words));
  }

  // ------------------------------------------------------------------------------------------------ deeds

  async say(text, context, files, thread) {
    const where = { platform: this.name, person: this.person, channel: this.channel };
    if (context?.change) return this.live.deed("change", { ...where, message: context.change, text: this.composer.written(text) });
    const command = /^\/(\w+)\s*([\s\S]*)$/.exec(text);
    if (command && thread) throw new Error("Slack takes no commands in a thread: type it in the channel");
    if (command && !this.commands.some(({ name }) => name === command[1])) throw new Error(`/${command[1]} is not a valid command here`);
    const keys = await upload(files);
    if (command) {
      this.commanded = true;
      return this.live.deed("command", { ...where, name: command[1], text: command[2], files: keys });
    }
    const id = await this.live.deed("say", { ...where, text: this.composer.written(text), thread, reply_to: context?.reply ?? "", files: keys });
    if (!thread) this.mine.add(id);
    return id;
  }

  // What is asked in the channel is to be seen there: where there is room for one of them, a thread stands in front.
  uncover() {
    if (this.thread) this.closeThread(false);
  }

  ask(question) {
    this.uncover();
    if (!this.here || (this.here.kind !== "dm" && this.here.name !== "general")) this.goto(this.channels.find(({ name }) => name === "general").id);
    return this.attempt(this.say(this.here.kind === "dm" ? question : `@${this.platform.bot.name} ${question}`, null, [], ""));
  }

  speakAs(person) {
    const direct = this.here?.kind === "dm";
    this.person = person;
    this.select.value = person;
    if (direct) this.channel = this.channels.find(({ kind }) => kind === "dm")?.id ?? "";
    if (!this.here) this.channel = this.general;
    if (direct) this.thread = "";
    this.home();
    this.feed.clear();
    this.replies?.clear();
    this.draw();
  }

  goto(channel) {
    // A thread that has just been made may not be in the list yet.
    this.awaited = this.platform.channels.some(({ id }) => id === channel) ? "" : channel;
    if (this.awaited) return;
    if (channel !== this.channel) this.feed.clear();
    this.channel = channel;
    this.unread.delete(channel);
    if (this.thread) this.closeThread(false);
    this.home();
    this.draw();
  }

  // Slack tells an app who looks at its direct messages.
  home() {
    if (this.threaded && this.here?.kind === "dm") this.attempt(this.live.deed("home", { person: this.person }));
  }

  converse(thread) {
    this.goto(this.agent.channel);
    this.openThread(thread, true);
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

  heard({ all, changed, fresh, channels, around }) {
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
    if (this.awaited) this.goto(this.awaited);
    const mine = [...changed].some((key) => key.startsWith(`${this.name}/`));
    if (all || channels || mine) this.draw();
    else if (around) this.drawAround();
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
    const roles = Map.groupBy(humans, ({ role }) => ROLES[this.name][role] ?? "Members");
    const options = (list) => list.map(({ id, name }) => h("option", { value: id, text: name }));
    this.select.replaceChildren(...[...roles].map(([role, list]) => h("optgroup", { label: role }, ...options(list))));
    this.select.value = this.person;
    if (!this.here) this.channel = this.general;
    this.noticed = this.store.heardOf;
    if (this.thread && !this.inThread(this.thread).length) this.thread = "";
  }

  get general() {
    return this.channels.find(({ name }) => name === "general")?.id ?? this.channels[0]?.id ?? "";
  }

  seen(message) {
    return (!message.ephemeral_for || message.ephemeral_for === this.person) && !this.dismissed.has(message.id);
  }

  // The messages of Discord's threads, by the message that each stands on.
  branches(messages) {
    const opened = messages.filter((message) => message.opened);
    return new Map(opened.map((message) => [message.id, [...this.store.messages(this.name, message.opened).values()].filter((one) => this.seen(one))]));
  }

  inThread(root) {
    return [...this.store.messages(this.name, this.channel).values()].filter((message) => (message.id === root || message.thread === root) && this.seen(message));
  }

  // ------------------------------------------------------------------------------------------------ drawing

  draw() {
    if (!this.here && this.platform) this.channel = this.general; // it was deleted, or another's
    const here = this.here;
    if (!here) return;
    const title = here.kind === "dm" ? this.platform.bot.name : here.name;
    write(this.title, { dm: title, thread: `↳ ${title}`, channel: `# ${title}` }[here.kind]);
    this.face.replaceChildren(avatar(this.nameOf(this.person), false));
    write(this.role, ROLES[this.name][this.platform.people.find(({ id }) => id === this.person)?.role] ?? "");
    this.composer.placeholder(here.kind === "channel" ? `Message #${title}` : `Message ${title}`);
    this.feed.label(`Messages in ${title}`);
    const all = [...this.store.messages(this.name, this.channel).values()].filter((message) => this.seen(message));
    const replies = this.threaded ? Map.groupBy(all.filter((message) => message.thread && !message.ephemeral_for), ({ thread }) => thread) : this.branches(all);
    const roots = this.threaded ? all.filter(({ thread, id }) => !thread || thread === id) : all;
    const invitation = here.kind === "dm" ? `Say something to ${title}.` : `Nothing here yet. Type @${this.platform.bot.name} and a question, or try one of these:`;
    const known = JSON.stringify([this.person, this.channel, this.offers.length]);
    this.feed.show(roots, { person: this.person, replies, all, empty: [known, () => [h("p", { text: invitation }), thingsToTry(this)]] });
    this.drawThread();
    this.drawAround();
    this.tellUnseen(all);
  }

  drawAgent() {
    const here = this.here.kind === "dm" && this.agent;
    this.prompts.show((here && here.prompts[""]) || []);
    if (this.threaded) {
      this.threadPrompts.show((here && here.prompts[this.thread]) || []);
      this.agentWorks.show(this.session);
      head(this.threadTitle, this.session);
    }
    this.channelList.draw(this.channels, this.channel, this.unread, this.platform.bot.name, { sessions: this.agent?.sessions, thread: this.thread });
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

  // What stands around the messages: who is thinking, one's form, what failed, what the bot offers.
  drawAround() {
    const { forms = [], notices = [] } = this.store.gauges;
    this.drawStatus();
    this.drawAgent();
    this.forms.show(forms.find(({ platform, person }) => platform === this.name && person === this.person) ?? null);
    for (const { number, platform, person, text } of notices) {
      if (number <= this.noticed) continue;
      this.noticed = number;
      if (platform === this.name && person === this.person) this.complain(text);
    }
    if (this.offered === this.offers.length) return;
    this.offered = this.offers.length;
    if (!this.feed.rows.size) this.draw();
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
