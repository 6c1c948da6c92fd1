// Puts the page together: one store, two workspaces, the gauges, and who hears of what.

import { h, write } from "./dom.js";
import { Gauges } from "./gauges.js";
import { connect } from "./live.js";
import { createStore } from "./store.js";
import { Workspace } from "./workspace.js";

// Words such as #script:tables choose an answer of the local Claude; the real one takes them for a curious habit.
const EXAMPLES = [
  ["A table", "Compare four ways to keep a rate limit. #script:tables"],
  ["Code", "Show me a token bucket in three languages. #script:code"],
  ["Lists", "Plan a small release, step by step. #script:lists"],
  ["Many scripts", "Say something in many scripts. #script:world"],
  ["A long answer", "Tell me everything. #script:long #speed:600"],
  ["Thinking first", "Think before you answer. #script:thinking"],
  ["A fault", "What if the connection breaks? #chars:900 #fault:fin@500:times=1"],
];

const STATES = { live: "live", lost: "reconnecting…", waiting: "connecting" };
const RUNS_ON = 250; // milliseconds between two drawings of what moves without a message

const store = createStore();
const connection = document.getElementById("connection");
const live = connect({
  hear: (message) => store.hear(message),
  state(name) {
    connection.dataset.state = name;
    write(connection, STATES[name]);
    document.body.classList.toggle("lost", name === "lost");
  },
});

const workspaces = ["slack", "discord"].map((name) => new Workspace(document.getElementById(name), name, store, live));
const gauges = new Gauges(document.getElementById("gauges"), store, live, (platform) => {
  const workspace = workspaces.find(({ name }) => name === platform);
  workspace.uncover();
  return workspace.here?.kind === "dm" ? workspace.channels.find(({ name }) => name === "general").id : workspace.channel;
});

// However often the server speaks, the page is drawn once a frame.
let waiting = null;
store.listen((change) => {
  if (waiting) {
    waiting.all ||= change.all;
    waiting.channels ||= change.channels;
    waiting.around ||= change.around;
    change.changed.forEach((key) => waiting.changed.add(key));
    waiting.fresh.push(...change.fresh);
    return;
  }
  waiting = change;
  const draw = () => {
    const all = waiting;
    waiting = null;
    for (const workspace of workspaces) workspace.heard(all);
    gauges.draw();
    document.body.dataset.ready = "yes";
  };
  // A page that nobody looks at gets no frames; it is kept true all the same.
  if (document.hidden) setTimeout(draw, RUNS_ON);
  else requestAnimationFrame(draw);
});

setInterval(() => {
  if (!store.ready || document.hidden) return;
  for (const workspace of workspaces) workspace.animate();
}, RUNS_ON);

document.getElementById("examples").append(
  ...EXAMPLES.map(([label, question]) =>
    h("button", { type: "button", class: "chip", title: question, onclick: () => workspaces.forEach((workspace) => store.ready && workspace.ask(question)) }, label),
  ),
);

const switches = document.querySelectorAll("[data-show]");
for (const button of switches) {
  button.addEventListener("click", () => {
    document.body.dataset.platform = button.dataset.show;
    switches.forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
    for (const { feed, replies } of workspaces) {
      if (feed.pinned) feed.toEnd();
      if (replies?.pinned) replies.toEnd();
    }
  });
}
