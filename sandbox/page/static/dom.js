// Making elements, and the small words that several modules share.

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, props = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Set only what differs: an attribute written again makes a screen reader or a transition start over.
export function put(element, name, value) {
  const wanted = value === null || value === false ? null : String(value === true ? "" : value);
  if (element.getAttribute(name) === wanted) return;
  if (wanted === null) element.removeAttribute(name);
  else element.setAttribute(name, wanted);
}

export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

export const seconds = (length) =>
  length < 10 ? `${length.toFixed(1)} s` : length < 100 ? `${Math.round(length)} s` : `${Math.floor(length / 60)} min ${Math.round(length % 60)} s`;

// One polite sentence at a time for those who do not see the page. What grows is not read out; that it is there, is.
const announcer = document.getElementById("announcer");
export function announce(sentence) {
  announcer.textContent = sentence;
}
