// The panel: how far viewers are behind Claude, what each budget has left, and the sandbox's own controls.

import { count, h, put, seconds, svg, write } from "./dom.js";

const CHART = { width: 300, height: 64, seconds: 60 };
const SCALES = [0.25, 0.5, 1, 2, 5, 10, 60];
const SHAPES = [["", "each limit's own"], ["bucket", "bucket with burst"], ["single", "bucket of one"], ["sliding", "sliding window"], ["fixed", "fixed window"]];
const SURE = { documented: "documented", observed: "observed by others", guessed: "a guess" };

const short = (number) => (number < 1000 ? String(Math.floor(number)) : `${+(number / 1000).toFixed(1)}k`);

export class Gauges {
  constructor(root, store, live, channelOf) {
    this.root = root;
    this.store = store;
    this.live = live;
    this.channelOf = channelOf;
    this.rows = new Map();
    this.build();
  }

  build() {
    this.summary = h("span", { class: "summary" });
    const open = innerWidth > 760 && innerHeight >= 700;
    this.toggle = h("button", { type: "button", class: "toggle", "aria-expanded": String(open), "aria-controls": "gauges-body", onclick: () => this.fold() }, h("span", { class: "chevron", "aria-hidden": "true" }), h("b", { text: "Behind the scenes" }), this.summary);
    this.line = svg("path", { class: "line" });
    this.area = svg("path", { class: "area" });
    this.chart = svg("svg", { viewBox: `0 0 ${CHART.width} ${CHART.height}`, preserveAspectRatio: "none", role: "img", "aria-label": "Characters that viewers are behind, over the last minute" }, this.area, this.line);
    this.most = h("span", { class: "most" });
    this.behind = h("b", { class: "figure", text: "0" });
    this.age = h("span", { class: "age" });
    this.lists = { slack: h("ul", { class: "budgets" }), other: h("ul", { class: "budgets" }) };
    this.nobody = h("p", { class: "empty", text: "No call yet: each budget appears with its first call." });
    this.problem = h("p", { class: "problem", role: "alert" });
    this.body = h(
      "div", { class: "panel", id: "gauges-body", hidden: !open },
      h("section", { class: "lag", "aria-label": "Lag" }, h("h3", { text: "Said, and not yet seen" }), h("p", {}, this.behind, " characters", this.age), h("div", { class: "plot" }, this.chart, this.most)),
      h("section", { class: "limits", "aria-label": "Budgets", tabindex: "0" }, h("h3", { text: "Budgets" }), this.nobody, h("div", { class: "columns" }, this.lists.slack, this.lists.other)),
      h("section", { class: "tries", "aria-label": "Controls" }, ...this.controls(), this.problem),
    );
    this.root.append(this.toggle, this.body);
  }

  controls() {
    this.scale = h("select", { onchange: () => this.do("scale", { scale: Number(this.scale.value) }) }, ...SCALES.map((scale) => h("option", { value: String(scale), text: `${scale} ×` })));
    this.speed = h("input", { type: "range", min: "1", max: "3.5", step: "0.05", oninput: () => this.fast(), onchange: () => this.do("speed", { speed: this.wanted() }) });
    this.speedSays = h("output");
    this.shape = h("select", { onchange: () => this.do("shape", { shape: this.shape.value }) }, ...SHAPES.map(([value, text]) => h("option", { value, text })));
    this.enforced = h("input", { type: "checkbox", onchange: () => this.do("enforce", { enforced: this.enforced.checked }) });
    const crowd = (platform, label) => h("button", { type: "button", class: "crowd", onclick: () => this.do("crowd", { platform, channel: this.channelOf(platform) }) }, label);
    return [
      h("h3", { text: "Try" }),
      h("div", { class: "crowds", role: "group", "aria-label": "Ten people ask at once" }, h("span", { text: "10 people ask at once" }), crowd("slack", "in Slack"), crowd("discord", "in Discord")),
      h("label", {}, h("span", { text: "Claude's speed" }), this.speed, this.speedSays),
      h("label", {}, h("span", { text: "Time runs" }), this.scale),
      h("label", {}, h("span", { text: "Limits are" }), this.shape),
      h("label", { class: "check" }, this.enforced, h("span", { text: "refuse what is over a limit" })),
    ];
  }

  fold() {
    this.body.hidden = !this.body.hidden;
    put(this.toggle, "aria-expanded", String(!this.body.hidden));
    this.draw();
  }

  async do(name, fields) {
    this.problem.textContent = "";
    try {
      await this.live.deed(name, fields);
    } catch (error) {
      this.problem.textContent = error.message;
    }
  }

  wanted() {
    return Math.round(10 ** Number(this.speed.value));
  }

  fast() {
    write(this.speedSays, `${this.wanted()} chars/s`);
  }

  draw() {
    const { lag, budgets, scale, speed, enforced } = this.store.gauges;
    if (!lag) return;
    const refused = budgets.reduce((sum, { refusals }) => sum + refusals, 0);
    const said = !lag.known ? "this Claude is not the sandbox's, so the lag is not known" : lag.characters ? `viewers are ${count(lag.characters, "character")} (${seconds(lag.seconds)}) behind` : lag.answers ? "viewers see all that Claude has said" : "all quiet";
    write(this.summary, [said, lag.answers ? count(lag.answers, "answer") + " under way" : "", count(refused, "refusal")].filter(Boolean).join(" · "));
    this.root.classList.toggle("refused", refused > 0);
    if (this.body.hidden) return;
    write(this.behind, lag.characters.toLocaleString("en"));
    write(this.age, lag.characters ? ` · ${seconds(lag.seconds)}` : "");
    this.plot();
    this.drawBudgets(budgets);
    if (document.activeElement !== this.speed) {
      this.speed.value = String(Math.log10(speed));
      this.fast();
    }
    if (document.activeElement !== this.scale) {
      if (![...this.scale.options].some(({ value }) => Number(value) === scale)) this.scale.append(h("option", { value: String(scale), text: `${scale} ×` }));
      this.scale.value = String(scale);
    }
    this.enforced.checked = enforced;
  }

  plot() {
    const { samples } = this.store;
    if (samples.length < 2) return;
    const now = samples.at(-1)[0];
    const span = CHART.seconds * this.store.gauges.scale;
    const most = Math.max(100, ...samples.map(([, characters]) => characters));
    const points = samples
      .filter(([at]) => now - at <= span)
      .map(([at, characters]) => `${(CHART.width - ((now - at) / span) * CHART.width).toFixed(1)} ${(CHART.height - 1 - (characters / most) * (CHART.height - 6)).toFixed(1)}`);
    if (!points.length) return;
    put(this.line, "d", `M${points.join("L")}`);
    put(this.area, "d", `M${points[0].split(" ")[0]} ${CHART.height}L${points.join("L")}L${CHART.width} ${CHART.height}Z`);
    write(this.most, most.toLocaleString("en"));
  }

  drawBudgets(budgets) {
    this.nobody.hidden = budgets.length > 0;
    const wanted = new Set(budgets.map(({ id }) => id));
    for (const [id, row] of this.rows) {
      if (wanted.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    const places = { slack: 0, other: 0 };
    for (const budget of budgets) {
      const column = budget.platform === "slack" ? "slack" : "other";
      const list = this.lists[column];
      const index = places[column];
      places[column] += 1;
      const row = this.rows.get(budget.id) ?? this.row(budget);
      const share = Math.max(0, Math.min(1, budget.left / budget.size));
      row.fill.style.transform = `scaleX(${share})`;
      put(row.meter, "aria-valuenow", String(Math.floor(budget.left)));
      put(row.meter, "aria-valuemax", String(budget.size));
      write(row.left, `${short(budget.left)} / ${short(budget.size)}`);
      write(row.refusals, budget.refusals ? budget.refusals.toLocaleString("en") : "");
      put(row.refusals, "title", budget.refusals ? `${budget.refusals} refused` : null);
      put(row.refusals, "aria-label", budget.refusals ? `${budget.refusals} refused` : null);
      row.element.classList.toggle("refused", budget.refusals > 0);
      row.element.classList.toggle("low", share < 0.2);
      if (list.children[index] !== row.element) list.insertBefore(row.element, list.children[index] ?? null);
    }
  }

  row({ id, platform, limit, place, certainty, source, rate }) {
    const pace = rate >= 1 ? `${+rate.toFixed(2)} a second` : `${+(rate * 60).toFixed(1)} a minute`;
    const fill = h("i");
    const meter = h("span", { class: "meter", role: "meter", "aria-label": `${limit} ${place}: calls left`, "aria-valuemin": "0" }, fill);
    const left = h("span", { class: "left" });
    const refusals = h("span", { class: "refusals", role: "img" });
    const element = h(
      "li", { class: `budget ${platform}`, title: `${pace}, ${SURE[certainty]}: ${source}` },
      h("span", { class: "name" }, h("b", { text: limit }), place ? h("span", { text: ` ${place}` }) : ""), meter, left, refusals,
      h("span", { class: `sure ${certainty}`, text: certainty }),
    );
    const row = { element, fill, meter, left, refusals };
    this.rows.set(id, row);
    return row;
  }
}
