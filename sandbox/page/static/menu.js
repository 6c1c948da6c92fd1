// The menu of a message: what one can do with it, and what the bot can. One for the page, as only one is ever open.

import { announce, h } from "./dom.js";

export const EMOJI = [["🛑", "stop sign"], ["👍", "thumbs up"], ["👎", "thumbs down"], ["👀", "eyes"], ["❤️", "heart"], ["🎉", "party"]];
const LONG = 500; // milliseconds of a long press

const menu = h("div", { class: "menu", role: "menu", popover: "auto", "aria-label": "Message" });
let opener = null;
document.body.append(menu);

menu.addEventListener("toggle", ({ newState }) => {
  if (newState === "closed" && (menu.contains(document.activeElement) || document.activeElement === document.body) && opener?.isConnected) opener.focus({ preventScroll: true });
});
menu.addEventListener("keydown", (event) => {
  const items = [...menu.querySelectorAll("[role=menuitem]")];
  const row = items.filter((item) => item.parentElement.matches(".emoji"));
  const at = items.indexOf(document.activeElement);
  const inRow = row.includes(document.activeElement);
  // Up and down step over the row of emoji, left and right walk in it.
  const step = { ArrowDown: inRow ? row.length - at : 1, ArrowUp: inRow ? -1 - at : at === row.length ? -row.length : -1, ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const to = step ? (at + step + items.length) % items.length : { Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Tab") menu.hidePopover();
  if (to === undefined) return;
  event.preventDefault();
  items[to].focus();
});

// `entries`: [label, run, note]; null parts them.
export function openMenu(from, at, { react, mine, entries }) {
  opener = from;
  const item = (props, ...children) => h("button", { type: "button", role: "menuitem", tabindex: "-1", ...props }, ...children);
  const then = (run) => () => {
    menu.hidePopover();
    run();
  };
  const emoji = react
    ? h("div", { class: "emoji", role: "group", "aria-label": "React" }, ...EMOJI.map(([sign, name]) => item({ title: name, "aria-label": `React: ${name}`, class: mine.has(sign) ? "mine" : "", onclick: then(() => react(sign)) }, sign)))
    : null;
  menu.replaceChildren(
    ...[emoji, ...entries.map((entry) => (entry ? item({ class: entry[0].startsWith("Delete") ? "bad" : "", onclick: then(entry[1]) }, h("span", { text: entry[0] }), entry[2] ? h("small", { text: entry[2] }) : null) : h("hr")))].filter(Boolean),
  );
  menu.showPopover();
  const { width, height } = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(6, Math.min(at.x, innerWidth - width - 6))}px`;
  menu.style.top = `${Math.max(6, at.y + height + 6 > innerHeight ? at.y - height : at.y)}px`;
  menu.querySelector("[role=menuitem]").focus();
}

// Right click, the menu key, or a long press on a touch screen. What is selected, or a link, keeps the browser's own.
export function onMenu(element, open) {
  let timer = 0;
  const own = (target) => target.closest("a, img, input, textarea, select") || String(getSelection());
  element.addEventListener("contextmenu", (event) => {
    if (own(event.target)) return;
    event.preventDefault();
    clearTimeout(timer);
    const { left, bottom } = element.getBoundingClientRect();
    open(event.clientX ? { x: event.clientX, y: event.clientY } : { x: left + 60, y: bottom - 10 });
  });
  element.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch" || event.target.closest("button, a, input, select")) return;
    const at = { x: event.clientX, y: event.clientY };
    timer = setTimeout(() => menu.matches(":popover-open") || open(at), LONG);
  });
  for (const end of ["pointerup", "pointercancel", "pointermove"]) element.addEventListener(end, () => clearTimeout(timer), { passive: true });
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    announce("Copied");
  } catch {
    announce("The browser does not let this page copy");
  }
}
