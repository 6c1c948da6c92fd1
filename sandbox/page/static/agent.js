// Slack's agent surface in direct messages: prompts to begin with, conversations with a title and a state, and Slack's own
// stop button. There where the app is one of Slack's agents; an ordinary app has none of it.

import { h, put, write } from "./dom.js";

// The prompts that stand above a composer. `choose(title)` sends one as one's own message.
export class Prompts {
  constructor(choose) {
    this.choose = choose;
    this.element = h("div", { class: "prompts", role: "group", "aria-label": "Suggested prompts", hidden: true });
  }

  show(titles) {
    const wanted = JSON.stringify(titles);
    if (wanted === this.drawn) return;
    this.drawn = wanted;
    this.element.hidden = !titles.length;
    this.element.replaceChildren(...titles.map((title) => h("button", { type: "button", class: "chip", onclick: () => this.choose(title) }, title)));
  }
}

// What Slack says above the composer of a conversation while the agent works.
export class Working {
  constructor(stop) {
    this.button = h("button", { type: "button", class: "control", onclick: stop }, "■ Stop");
    this.element = h("div", { class: "working", role: "group", "aria-label": "The agent is working", hidden: true }, h("span", { text: "Working…" }), this.button);
  }

  show(session) {
    const working = session?.status === "processing";
    if (!working && this.element.contains(document.activeElement)) this.element.closest(".thread").querySelector("textarea").focus();
    this.element.hidden = !working;
    this.button.hidden = !session?.stop;
  }
}

// A title is told a moment after its conversation has begun.
export const titleOf = (session) => session?.title || "New conversation";

// The conversations of a direct message, as Slack lists them: the newest first.
export function conversations(sessions, here, open) {
  if (!sessions.length) return null;
  const item = (session) => {
    const { thread, status } = session;
    const button = h("button", { type: "button", class: status === "processing" ? "at-work" : "", "data-thread": thread, "aria-current": thread === here ? "page" : null, title: titleOf(session), onclick: () => open(thread) });
    button.append(h("span", { "aria-hidden": "true", text: status === "processing" ? "◌" : "·" }), h("span", { class: "name", text: titleOf(session) }));
    if (status === "processing") button.append(h("span", { class: "unseen", text: " (working)" }));
    return h("li", {}, button);
  };
  return h("ul", { class: "branch", "aria-label": "Conversations" }, ...sessions.toReversed().map(item));
}

// The head of a thread: what Slack calls the conversation, or that it is a thread.
export function head(title, session) {
  write(title, session ? titleOf(session) : "Thread");
  put(title, "title", session ? titleOf(session) : null);
}
