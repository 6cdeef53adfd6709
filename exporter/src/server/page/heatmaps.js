// A card per histogram: its heatmap, what that says in figures, and whose it was.

import { element, Groups, say } from "./elements.js";
import { amount, bytes, clock, count, seconds } from "./format.js";
import { draw } from "./heatmap.js";
import { heading, title } from "./names.js";
import { end, quantile, sum, total, width } from "./past.js";
import { Whose } from "./whose.js";

/** Rows that are shown at least: six powers of two. */
const LEAST_ROWS = 12;
const MOST_TICKS = 5;

export class Heatmaps {
  #cards = new Map();
  #groups;

  constructor(into) {
    this.#groups = new Groups(into, heading);
  }

  show(past, answer) {
    past.metrics.forEach((metric, place) => {
      if (metric.kind !== "histogram") return;
      let card = this.#cards.get(place);
      if (card === undefined) {
        if (past.of(place).length === 0) return;
        card = new Card(metric, place);
        this.#cards.set(place, card);
        this.#groups.add(card.whole, metric.collector, place);
      }
      card.show(past, answer);
    });
  }

  /** Draws all of them anew, in other colors. */
  redraw(past) {
    for (const card of this.#cards.values()) card.draw(past);
  }
}

class Card {
  #metric;
  #place;
  #past;
  #range = { bottom: Infinity, top: -Infinity };
  #canvas = element("canvas", { "aria-hidden": "true" });
  #ticks = element("div", { class: "ticks", "aria-hidden": "true" });
  #cursor = element("div", { class: "cursor", hidden: "" });
  #begin = element("span");
  #readout = element("span", { class: "readout" }, "now");
  #figures = element("p", { class: "figures" });
  #whose = new Whose();
  #chart;
  /** The column that is read, which stays the same one while others come; none when nobody reads. */
  #chosen;

  constructor(metric, place) {
    this.#metric = metric;
    this.#place = place;
    this.#chart = element("div", {
      class: "chart", tabindex: "0", role: "slider", "aria-label": `${title(metric)} at a time`,
      "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0",
    }, this.#canvas, this.#cursor);
    this.#chart.addEventListener("keydown", (event) => this.#press(event));
    this.#chart.addEventListener("pointermove", (event) => this.#point(event));
    this.#chart.addEventListener("pointerdown", (event) => this.#point(event));
    this.#chart.addEventListener("pointerleave", () => this.#leave());
    this.#chart.addEventListener("focus", () => this.#choose(this.#past.columns.at(-1)));
    this.#chart.addEventListener("blur", () => this.#choose(undefined));
    this.whole = element("article", { class: "card" },
      element("h4", {}, title(metric)),
      this.#figures,
      element("div", { class: "plot" }, this.#ticks, this.#chart),
      element("p", { class: "times" }, this.#begin, this.#readout),
      this.#whose.whole,
      element("details", {}, element("summary", {}, element("code", {}, metric.prometheus)),
        element("p", {}, `${metric.help}.`)));
  }

  show(past, answer) {
    this.#past = past;
    const columns = past.of(this.#place);
    const rows = sum(columns, this.#place);
    const all = total(rows);
    const { unit } = this.#metric;
    say(this.#figures, all === 0 ? "nothing in this time" : [
      `${count(all / past.seconds)}/s`,
      `median ${amount(end(quantile(rows, 0.5), this.#metric), unit)}`,
      `99 % below ${amount(end(quantile(rows, 0.99), this.#metric), unit)}`,
    ].join(" · "));
    this.#widen(rows);
    say(this.#begin, `${seconds(past.frame)} ago`);
    this.#whose.show(answer, this.#place);
    if (this.#chosen !== undefined && !past.columns.includes(this.#chosen)) [this.#chosen] = past.columns;
    this.#tell();
    this.draw(past);
  }

  draw(past) {
    draw(this.#canvas, past, this.#place, this.#range);
  }

  /** Rows that were once there stay, so that the picture does not jump. */
  #widen(rows) {
    const used = [...rows.entries()].filter(([, samples]) => samples > 0).map(([row]) => row);
    if (used.length === 0 && Number.isFinite(this.#range.top)) return;
    let bottom = Math.min(this.#range.bottom, Math.max(0, (used[0] ?? 0) - 1));
    let top = Math.max(this.#range.top, (used.at(-1) ?? 0) + 1);
    if (top - bottom + 1 < LEAST_ROWS) top = bottom + LEAST_ROWS - 1;
    if (bottom === this.#range.bottom && top === this.#range.top) return;
    this.#range = { bottom, top };
    const height = top - bottom + 1;
    const exponents = ticks(this.#metric, bottom, top);
    this.#ticks.replaceChildren(...exponents.map(([coordinate, label]) => {
      const tick = element("span", {}, label);
      tick.style.top = `${100 * (top - coordinate) / height}%`;
      return tick;
    }));
  }

  #press(event) {
    const { columns } = this.#past;
    const last = columns.length - 1;
    const now = columns.indexOf(this.#chosen);
    const next = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1,
      PageDown: now - 10, PageUp: now + 10, Home: 0, End: last, Escape: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.#choose(columns[Math.min(last, Math.max(0, next))]);
  }

  #leave() {
    if (document.activeElement !== this.#chart) this.#choose(undefined);
  }

  #point(event) {
    const box = this.#chart.getBoundingClientRect();
    const part = (event.clientX - box.left) / box.width;
    this.#choose(this.#past.columns.find((column) => this.#past.position(column.to) >= part));
  }

  #choose(column) {
    this.#chosen = column;
    this.#tell();
  }

  #tell() {
    const past = this.#past;
    const column = this.#chosen;
    this.#cursor.hidden = column === undefined;
    const columns = past.columns;
    const place = column === undefined ? columns.length - 1 : columns.indexOf(column);
    this.#chart.setAttribute("aria-valuemax", Math.max(0, columns.length - 1));
    this.#chart.setAttribute("aria-valuenow", Math.max(0, place));
    const text = columns.length === 0 ? "nothing yet" : this.#text(columns[place]);
    this.#chart.setAttribute("aria-valuetext", text);
    say(this.#readout, column === undefined ? "now" : text);
    if (column !== undefined) this.#cursor.style.left = `${100 * past.position((column.from + column.to) / 2)}%`;
  }

  #text(column) {
    const rows = sum([column], this.#place);
    const all = total(rows);
    const at = clock(column.to);
    if (all === 0) return `${at}: nothing`;
    const { unit } = this.#metric;
    const of = (part) => amount(end(quantile(rows, part), this.#metric), unit);
    return `${at}: ${count(all / width(column))}/s, median ${of(0.5)}, 99 % below ${of(0.99)}`;
  }
}

/** Round values between two rows: [row, label]. */
function ticks(metric, bottom, top) {
  const whole = (value) => value < 60 ? seconds(value) : `${value} s`;
  const [base, label] = metric.unit === "s" ? [10, whole] : [4, bytes];
  const row = (exponent) => 2 * (exponent * Math.log2(base) - metric.zero);
  const all = [];
  for (let exponent = -8; exponent <= 20; exponent += 1) {
    if (row(exponent) >= bottom && row(exponent) <= top) all.push([row(exponent), label(base ** exponent)]);
  }
  const every = Math.ceil(all.length / MOST_TICKS);
  return all.filter((_, place) => place % every === 0);
}
