// How a message grew: a time axis, one tick for each post and edit, as tall as what it added; refusals in red.

import { count, h, put, seconds, svg, write } from "./dom.js";

const WIDTH = 1000;
const HEIGHT = 20;

export class Strip {
  constructor({ small = false } = {}) {
    this.small = small;
    this.edits = svg("path", { class: "edits" });
    this.posts = svg("path", { class: "posts" });
    this.refusals = svg("path", { class: "refusals" });
    this.axis = svg("path", { class: "axis", d: `M0 ${HEIGHT - 0.5}H${WIDTH}` });
    this.picture = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" },
      this.axis, this.edits, this.posts, this.refusals,
    );
    this.caption = h("span", { class: "caption" });
    this.element = h("div", { class: small ? "strip small" : "strip" }, this.picture, this.caption);
  }

  // `growths`: one list of [at, characters, verb] for each message; several pages of one reply make one strip.
  draw(growths, now, growing) {
    const ticks = growths.flatMap(deltas).sort((a, b) => a.at - b.at);
    if (!ticks.length) {
      this.element.hidden = true;
      return;
    }
    this.element.hidden = false;
    const begin = ticks[0].at;
    const end = growing ? Math.max(now, ticks.at(-1).at) : ticks.at(-1).at;
    const span = Math.max(end - begin, 1);
    const tallest = Math.max(60, ...ticks.map(({ added }) => added));
    const paths = { edit: "", post: "", refused: "" };
    for (const { at, added, verb } of ticks) {
      const x = (3 + ((at - begin) / span) * (WIDTH - 6)).toFixed(1);
      const height = verb === "refused" ? HEIGHT - 2 : 3 + Math.sqrt(Math.max(0, added) / tallest) * (HEIGHT - 5);
      paths[verb === "append" ? "edit" : verb] += `M${x} ${HEIGHT - 1}v${(-height).toFixed(1)}`;
    }
    put(this.edits, "d", paths.edit || "M0 0");
    put(this.posts, "d", paths.post || "M0 0");
    put(this.refusals, "d", paths.refused || "M0 0");
    this.element.classList.toggle("growing", growing);
    const of = (...verbs) => ticks.filter(({ verb }) => verbs.includes(verb)).length;
    const characters = growths.reduce((sum, growth) => sum + (growth.at(-1)?.[1] ?? 0), 0);
    const posts = of("post");
    const parts = [count(of("edit", "append"), "edit"), count(characters, "character"), seconds(end - begin)];
    if (posts > 1) parts.unshift(count(posts, "post"));
    if (of("refused")) parts.push(`${of("refused")} refused`);
    write(this.caption, this.small ? `${characters.toLocaleString("en")} characters` : parts.join(" · "));
    put(this.picture, "aria-label", `Growth: ${parts.join(", ")}`);
  }
}

function deltas(growth) {
  let length = 0;
  return growth.map(([at, characters, verb]) => {
    const added = characters - length;
    length = characters;
    return { at, added, verb };
  });
}
