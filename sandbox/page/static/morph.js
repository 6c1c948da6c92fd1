// Changes what is shown into what should be shown, touching only what differs: selections, focus and scrolled tables
// survive, and the ink of what is new is wet for a moment.

const STAGES = 4;
const STAGE_LASTS = 220;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
// The highlights are a browser's own way to colour a stretch of text without another element in it.
const stages = globalThis.Highlight
  ? Array.from({ length: STAGES }, (_, stage) => {
      const highlight = new Highlight();
      CSS.highlights.set(`wet-${stage}`, highlight);
      return highlight;
    })
  : [];

function dry(range, stage = 0) {
  if (stage > 0) stages[stage - 1].delete(range);
  if (stage === stages.length) return;
  stages[stage].add(range);
  setTimeout(dry, STAGE_LASTS, range, stage + 1);
}

function wet(node, from = 0) {
  if (calm.matches || !stages.length || document.hidden) return;
  const range = new Range();
  if (node.nodeType === Node.TEXT_NODE) {
    range.setStart(node, from);
    range.setEnd(node, node.length);
  } else {
    range.selectNodeContents(node);
  }
  dry(range);
}

export function morph(element, html, { inked = false } = {}) {
  const template = document.createElement("template");
  template.innerHTML = html;
  children(element, template.content, inked ? wet : () => {});
}

function children(old, fresh, ink) {
  let was = old.firstChild;
  let is = fresh.firstChild;
  while (is) {
    const next = is.nextSibling;
    if (was) {
      const after = was.nextSibling;
      one(was, is, ink);
      was = after;
    } else {
      old.append(is);
      ink(is);
    }
    is = next;
  }
  while (was) {
    const after = was.nextSibling;
    was.remove();
    was = after;
  }
}

function one(was, is, ink) {
  if (was.nodeName !== is.nodeName) {
    was.replaceWith(is);
    ink(is);
    return;
  }
  if (was.nodeType === Node.TEXT_NODE) {
    if (was.data === is.data) return;
    if (is.data.startsWith(was.data)) {
      const from = was.length;
      was.appendData(is.data.slice(from));
      ink(was, from);
    } else {
      was.data = is.data;
    }
    return;
  }
  for (const { name } of [...was.attributes]) if (!is.hasAttribute(name) && name !== "data-open") was.removeAttribute(name);
  for (const { name, value } of is.attributes) if (was.getAttribute(name) !== value) was.setAttribute(name, value);
  children(was, is, ink);
}
