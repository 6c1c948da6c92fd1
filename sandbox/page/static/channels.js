// The list of channels, with Discord's threads under theirs, and the commands that can be typed there.

import { conversations } from "./agent.js";
import { h, svg } from "./dom.js";

const SIGNS = { dm: "✦", thread: "↳", channel: "#" };

export class Channels {
  // `converse(thread)`: go to a conversation with an agent.
  constructor(label, server, goto, converse) {
    this.server = server;
    this.goto = goto;
    this.converse = converse;
    this.element = h("nav", { "aria-label": `${label} channels` });
  }

  draw(channels, here, unread, bot, { sessions = [], thread = "" } = {}) {
    const wanted = JSON.stringify([channels, here, [...unread], sessions, thread]);
    if (wanted === this.drawn) return;
    this.drawn = wanted;
    const { element } = this;
    const { channel: focused, thread: talk } = element.contains(document.activeElement) ? document.activeElement.dataset : {};
    const button = (channel) => this.button(channel, channel.id === here, unread.has(channel.id), bot);
    const threads = Map.groupBy(channels.filter(({ kind }) => kind === "thread"), ({ parent }) => parent);
    const branch = (id) => (threads.has(id) ? h("ul", { class: "branch" }, ...threads.get(id).map((thread) => h("li", {}, button(thread)))) : null);
    const below = ({ id, kind }) => (kind === "dm" ? conversations(sessions, thread, this.converse) : branch(id));
    const groups = [
      ["Channels", channels.filter(({ kind }) => kind === "channel")],
      ["Direct messages", channels.filter(({ kind }) => kind === "dm")],
    ];
    element.replaceChildren(
      h("p", { class: "server", text: this.server }),
      ...groups.flatMap(([label, list]) => [h("h3", { text: label }), h("ul", {}, ...list.map((channel) => h("li", {}, button(channel), below(channel))))]),
    );
    if (talk) element.querySelector(`[data-thread="${CSS.escape(talk)}"]`)?.focus();
    if (focused) element.querySelector(`[data-channel="${CSS.escape(focused)}"]`)?.focus();
  }

  button({ id, name, kind, private: closed }, here, unread, bot) {
    const button = h("button", { type: "button", "data-channel": id, class: unread ? "unread" : "", "aria-current": here ? "page" : null, title: kind === "thread" ? name : null, onclick: () => this.goto(id) });
    button.append(sign(kind, closed), h("span", { class: "name", text: kind === "dm" ? bot : name }));
    if (unread) button.append(h("span", { class: "unseen", text: " (unread)" }));
    return button;
  }
}

function sign(kind, closed) {
  const element = h("span", { "aria-hidden": "true" });
  if (closed && kind === "channel") element.append(svg("svg", { viewBox: "0 0 12 12", class: "lock" }, svg("path", { d: "M3.5 5.5V4a2.5 2.5 0 0 1 5 0v1.5M2.5 5.5h7v5h-7z" })));
  else element.textContent = SIGNS[kind];
  return element;
}

// [{name, hint, more: [{name, hint}]}] of what a platform offers: Discord lists what follows a command, Slack hints at it.
export function commandsOf(offers) {
  return offers.filter(({ kind }) => kind === "slash").map(({ name, description, hint, options }) => ({ name, hint: description, takes: takes(hint, options), more: options ? listed(options) : hinted(hint) }));
}

const listed = (options) => options.filter(({ type }) => type === 1).map(({ name, description }) => ({ name, hint: description }));

function hinted(hint) {
  const inner = /^\[(.*)\]$/.exec(hint ?? "")?.[1] ?? "";
  return inner.includes("|") ? inner.split("|").map((name) => ({ name: name.trim(), hint: "" })) : [];
}

const takes = (hint, options) => hint || (options ?? []).filter(({ type }) => type > 2).map(({ name, required }) => (required ? name : `[${name}]`)).join(" ");
