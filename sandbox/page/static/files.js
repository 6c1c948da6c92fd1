// Files: those of a message, and those that one is about to send.

import { h, svg } from "./dom.js";

const PICTURES = /^image\/(?:png|jpeg|gif|webp)$/;

export function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export function filesOf({ platform, channel, id, files }) {
  return files.map((file) => {
    const address = `/files/${[platform, channel, id, file.id].map(encodeURIComponent).join("/")}`;
    const shown = PICTURES.test(file.type ?? "") ? h("img", { src: address, alt: "", loading: "lazy" }) : h("span", { class: "sheet", "aria-hidden": "true" });
    return h("li", {}, h("a", { href: address, download: file.name, title: `Download ${file.name}` }, shown, h("span", { class: "label" }, h("b", { text: file.name }), h("small", { text: size(file.size) }))));
  });
}

// The files of a message that is being written, and how they come there: chosen, pasted or dropped.
export class Attachments {
  constructor(box, changed) {
    this.changed = changed;
    this.files = [];
    this.list = h("ul", { class: "attached", hidden: true });
    this.input = h("input", { type: "file", multiple: true, hidden: true, "aria-label": "Files" });
    this.button = h("button", { type: "button", class: "attach", "aria-label": "Attach files", title: "Attach files", onclick: () => this.input.click() }, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: "M8 3v10M3 8h10" })));
    this.input.addEventListener("change", () => {
      this.add(this.input.files);
      this.input.value = "";
      box.focus();
    });
    box.addEventListener("paste", (event) => {
      if (!event.clipboardData?.files.length) return;
      event.preventDefault();
      this.add(event.clipboardData.files);
    });
  }

  // A whole chat takes what is dropped on it.
  takeDrops(element) {
    element.addEventListener("dragover", (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault());
    element.addEventListener("drop", (event) => {
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      this.add(event.dataTransfer.files);
    });
  }

  add(files) {
    this.set([...this.files, ...files]);
  }

  set(files) {
    this.files = files;
    this.list.hidden = !files.length;
    this.list.replaceChildren(
      ...files.map((file) => h("li", {}, h("span", { text: file.name }), h("small", { text: size(file.size) }), h("button", { type: "button", "aria-label": `Remove ${file.name}`, onclick: () => this.set(this.files.filter((one) => one !== file)) }, "✕"))),
    );
    this.changed();
  }
}

// Bring files to the sandbox; what comes back names them in the message that takes them.
export function upload(files) {
  return Promise.all(
    files.map(async (file) => {
      const answer = await fetch(`/files?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file, headers: { "Content-Type": file.type || "application/octet-stream" } });
      if (!answer.ok) throw new Error(`${file.name}: ${(await answer.text()).trim() || "could not be sent"}`);
      return (await answer.json()).key;
    }),
  );
}
