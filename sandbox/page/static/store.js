// What the page knows of the world. Others read it and are told what changed; only the socket changes it.

// What stands around the messages, and is drawn when it changes.
const AROUND = ["statuses", "forms", "notices", "offers", "agents"];

export function createStore() {
  const listeners = new Set();
  const store = {
    platforms: {},
    channels: new Map(), // "slack/C1" -> Map of id -> message, in order
    gauges: {},
    samples: [],
    ready: false,

    listen(listener) {
      listeners.add(listener);
    },

    hear(message) {
      if (message.type === "snapshot") snapshot(message);
      else if (message.type === "update") update(message);
    },

    messages: (platform, channel) => store.channels.get(`${platform}/${channel}`) ?? new Map(),

    // The sandbox's clock, running on between two words from the server.
    now: () => store.gauges.now + ((performance.now() - heard) / 1000) * store.gauges.scale,

    // A moment of the sandbox's clock as the wall clock of the one who looks.
    wall: (at) => new Date(Date.now() - ((store.now() - at) / store.gauges.scale) * 1000),

    // Whether a reply may still grow: it carries its stop button, or changed in the last seconds that a person counts.
    growing(message) {
      if (!message.bot || !message.growth.length) return false;
      if (message.streaming || message.controls.some(({ label }) => /stop/i.test(label))) return true;
      return (store.now() - message.growth.at(-1)[0]) / store.gauges.scale < 2.5;
    },
  };
  let heard = performance.now();

  const tell = (change) => listeners.forEach((listener) => listener(change));

  function keep(message) {
    const key = `${message.platform}/${message.channel}`;
    if (!store.channels.has(key)) store.channels.set(key, new Map());
    store.channels.get(key).set(message.id, message);
    return key;
  }

  function gauge(message) {
    for (const name of ["now", "scale", "speed", "enforced", "budgets", "lag", ...AROUND]) {
      if (name in message) store.gauges[name] = message[name];
    }
    if ("now" in message) heard = performance.now();
  }

  function snapshot(message) {
    store.platforms = message.platforms;
    store.channels = new Map();
    store.samples = message.samples;
    gauge(message);
    // What failed before this page was here is not news to it.
    store.heardOf = Math.max(0, ...message.notices.map(({ number }) => number));
    message.messages.forEach(keep);
    store.ready = true;
    tell({ all: true, changed: new Set(store.channels.keys()), fresh: [] });
  }

  function update(message) {
    gauge(message);
    const changed = new Set();
    const fresh = [];
    for (const [name, channels] of Object.entries(message.channels ?? {})) store.platforms[name].channels = channels;
    for (const one of message.messages ?? []) {
      if (!store.messages(one.platform, one.channel).has(one.id)) fresh.push(one);
      changed.add(keep(one));
    }
    for (const [platform, channel, id] of message.removed ?? []) {
      if (store.messages(platform, channel).delete(id)) changed.add(`${platform}/${channel}`);
    }
    if (message.sample) {
      store.samples.push(message.sample);
      if (store.samples.length > 240) store.samples.shift();
    }
    tell({ all: false, changed, fresh, channels: Boolean(message.channels), around: AROUND.some((name) => name in message), sample: message.sample });
  }

  return store;
}
