// Things to try: what a newcomer can do here, each with one press. It stands where nothing has been said yet.

import { h } from "./dom.js";

const SAMPLE = "Lunch orders\n\nAda: soup, no bread\nGrace: the big salad\nLinus: two sandwiches\nMargaret: nothing, thank you\n";

// What a command of this name does, where its platform does not say.
const NOTES = {
  settings: "for managers: model, persona, who may ask, spending …",
  usage: "what was used and spent",
  help: "how to ask, and what there is",
  new: "begin a new conversation",
  stop: "stop the answer that grows here",
  forget: "delete what is stored about you",
};

// [label, note, run, whether it is there]
function tries(chat) {
  const bot = chat.platform.bot.name;
  const at = chat.here.kind === "dm" ? "" : `@${bot} `;
  const entries = chat.offers.filter(({ kind }) => kind === "message").map(({ name }) => name);
  const more = chat.commands.flatMap(({ name, more: subs }) => subs.map((sub) => [`/${name} ${sub.name}`, sub.hint || NOTES[sub.name.split(" ")[0]] || "", () => chat.composer.begin(`/${name} ${sub.name}`)]));
  const asks = chat.commands.filter(({ more: subs }) => !subs.length).map(({ name, hint }) => [`/${name} …`, hint, () => chat.composer.begin(`/${name} `)]);
  const visitor = chat.platform.people.find(({ role }) => role === "guest") ?? chat.platform.people.find(({ role, bot: machine }) => !role && !machine);
  return [
    [`Ask @${bot} something long`, "then Stop it, and see Continue and Regenerate under it", () => chat.composer.begin(`${at}Tell me everything. #script:long`)],
    ["Ask about a file", "a small one is attached for you; + or paste for your own", () => {
      chat.composer.begin(`${at}What is in this file?`);
      chat.composer.files.set([new File([SAMPLE], "lunch.txt", { type: "text/plain" })]);
    }],
    ...asks,
    ...more,
    ["⋯ beside any message", [...entries, "react, edit, delete"].join(", ")],
    ["Edit or delete your question", "also while its answer grows"],
    visitor ? [`Speak as ${visitor.name}`, visitor.role === "guest" ? "a guest, who may not ask unless a manager allows it" : "who manages nothing here", () => chat.speakAs(visitor.id)] : null,
  ].filter(Boolean);
}

export function thingsToTry(chat, after = () => {}) {
  return h(
    "ul", { class: "tries-list" },
    ...tries(chat).map(([label, note, run]) => {
      const words = [h("b", { text: label }), h("span", { text: note })];
      const go = () => {
        after();
        run();
      };
      return h("li", {}, run ? h("button", { type: "button", onclick: go }, ...words) : h("div", {}, ...words));
    }),
  );
}
