// What one can do with a message, each in the platform's own way.

import { plain } from "./message.js";

// Who may take away what others wrote.
const MODERATES = new Set(["owner", "admin", "manager", "moderator"]);

// `chat`: the workspace in which the message stands.
export function actsOf(chat) {
  const deed = (name, message, fields) => chat.attempt(chat.live.deed(name, { ...chat.at(message), ...fields }));
  const acts = {
    nameOf: (id) => chat.nameOf(id),
    titleOf: (id) => chat.platform.channels.find((channel) => channel.id === id)?.name ?? "Thread",
    moderates: (person) => MODERATES.has(chat.platform.people.find(({ id }) => id === person)?.role),
    entries: () => chat.offers.filter(({ kind }) => kind === "message").map(({ id, name }) => ({ id: chat.threaded ? id : name, name, app: chat.platform.bot.name })),
    choices: (kind) => chat.pickable(kind),
    press: (message, control) => deed("press", message, { control }),
    select: (message, control, values) => deed("select", message, { control, values }),
    stop: (message) => deed("stop", message),
    react: (message, emoji, remove = false) => deed("react", message, { emoji, remove }),
    use: (message, entry) => {
      if (chat.threaded) chat.mine.add(message.thread || message.id);
      return deed("use", message, { entry });
    },
    remove: (message) => deed("delete", message),
    change: (message) => chat.composerOf(message).about({ label: "Editing your message", change: message.id, text: message.text }),
    follow: (message) => (message.opened ? chat.goto(message.opened) : chat.openThread(message.thread || message.id, true)),
  };
  if (chat.threaded) return { ...acts, thread: acts.follow };
  return {
    ...acts,
    reply: (message) => chat.composer.about({ label: `Replying to ${message.name}`, reply: message.id }),
    branchOff: (message) => chat.here?.kind === "channel" && !message.opened,
    begin: async (message) => {
      const thread = await deed("thread", message, { name: plain(message.html).slice(0, 60) || "Thread" });
      if (thread) chat.goto(thread);
    },
    dismissible: true,
    dismiss: (message) => {
      chat.dismissed.add(message.id);
      chat.draw();
    },
  };
}
