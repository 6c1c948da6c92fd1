// The WebSocket to the sandbox: comes back by itself, and says how it is.

const FIRST_WAIT = 300;
const LONGEST_WAIT = 5000;

export function connect({ hear, state }) {
  let socket = null;
  let wait = FIRST_WAIT;
  let ref = 0;
  let timer = 0;
  const asked = new Map();

  function open() {
    clearTimeout(timer);
    const address = new URL("/live", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(address);
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "snapshot") {
        wait = FIRST_WAIT;
        state("live");
      }
      if (message.type === "answer") answered(message);
      else hear(message);
    });
    socket.addEventListener("close", () => {
      for (const { reject } of asked.values()) reject(new Error("the sandbox went away before it answered"));
      asked.clear();
      state("lost");
      timer = setTimeout(open, wait);
      wait = Math.min(LONGEST_WAIT, wait * 1.7);
    });
  }

  function answered({ ref: which, ok, result, problem }) {
    const waiting = asked.get(which);
    if (!waiting) return;
    asked.delete(which);
    if (ok) waiting.resolve(result);
    else waiting.reject(new Error(problem));
  }

  // A page that comes back into view, or a network that does, does not wait for the timer.
  const hurry = () => {
    if (socket.readyState === WebSocket.CLOSED) open();
  };
  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", () => document.hidden || hurry());

  open();
  return {
    // Do a deed; the promise is kept with its result or broken with a sentence.
    deed(name, fields = {}) {
      if (socket.readyState !== WebSocket.OPEN) return Promise.reject(new Error("the sandbox cannot be reached just now"));
      ref += 1;
      socket.send(JSON.stringify({ do: name, ref, ...fields }));
      return new Promise((resolve, reject) => asked.set(ref, { resolve, reject }));
    },
  };
}
