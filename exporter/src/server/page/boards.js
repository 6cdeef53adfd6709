// Who waits for what: a table for containers and units, and one for processes.

import { element, isolated, say } from "./elements.js";
import { threads } from "./format.js";
import { named, segmentTitle } from "./names.js";

const TITLES = ["Containers and units", "Processes"];
const ROWS = 10;
/** Colors that are told apart, in page.css; more kinds of waiting share them. */
const COLORS = 6;

export class Boards {
  #boards;

  constructor(into) {
    this.#boards = TITLES.map((title) => new Board(title));
    into.append(...this.#boards.map((board) => board.whole));
  }

  show(answer, metrics, order) {
    const segments = answer.segments.map((segment) =>
      ({ ...segment, title: segmentTitle(segment, metrics[segment.metric]) }));
    this.#boards.forEach((board, place) => board.show(answer, place, segments, order));
  }
}

class Board {
  #body = element("tbody");
  #legend = element("ul", { class: "legend" });
  #rows = [];
  #colors = new Map();

  constructor(title) {
    const head = (text, more) => element("th", { scope: "col", ...more }, text);
    this.whole = element("div", { class: "board" },
      element("table", {},
        element("caption", {}, title),
        element("thead", {}, element("tr", {},
          head("Name"), head("Waiting", { class: "number" }), head("Running", { class: "number" }))),
        this.#body),
      this.#legend);
  }

  show(answer, place, segments, order) {
    const board = answer.boards[place];
    const per = answer.window > 0 ? 1 / answer.window : 0;
    const read = ([who, amounts]) => entry(named(answer.who[who]), amounts, segments, per);
    const all = board.rows.map(read).sort((a, b) => b[order] - a[order] || a.who.name.localeCompare(b.who.name));
    const shown = all.slice(0, ROWS).filter((row) => row[order] > 0);
    const left = [...all.slice(shown.length).map((row) => row.parts), entry({}, board.rest, segments, per).parts];
    const others = entry({ name: "All others", context: "" }, [], segments, per);
    left.flat().forEach((part) => add(others, part));
    if (others.waiting + others.running >= 0.005) shown.push(others);
    const scale = Math.max(...shown.map((row) => row.waiting + row.running), 1e-9);
    while (this.#rows.length > shown.length) this.#rows.pop().whole.remove();
    while (this.#rows.length < shown.length) {
      const row = new Row();
      this.#rows.push(row);
      this.#body.append(row.whole);
    }
    this.#rows.forEach((row, index) => row.show(shown[index], scale, (title) => this.#color(title)));
    this.#legend.replaceChildren(
      ...[...this.#colors].map(([title, color]) => key(color, title)), key("running", "running"));
    this.whole.classList.toggle("empty", shown.length === 0);
  }

  #color(title) {
    if (!this.#colors.has(title)) this.#colors.set(title, `c${this.#colors.size % COLORS}`);
    return this.#colors.get(title);
  }
}

const key = (color, title) => element("li", {}, element("i", { class: color }), title);

/** Threads that waited or ran at a time, by segment. */
function entry(who, amounts, segments, per) {
  const made = { who, waiting: 0, running: 0, parts: [] };
  for (const [id, seconds] of amounts) {
    const { goes, title } = segments[id];
    if (goes !== "resting") add(made, { goes, title, threads: seconds * per });
  }
  return made;
}

function add(made, part) {
  made[part.goes] += part.threads;
  const same = made.parts.find((other) => other.title === part.title);
  if (same === undefined) made.parts.push({ ...part });
  else same.threads += part.threads;
}

class Row {
  #name = isolated("");
  #context = element("span", { class: "context" });
  #bar = element("span", { class: "bar", "aria-hidden": "true" });
  #detail = element("span", { class: "detail" });
  #waiting = element("td", { class: "number" });
  #running = element("td", { class: "number" });

  constructor() {
    this.whole = element("tr", {},
      element("th", { scope: "row" }, element("span", { class: "name" }, this.#name), " ", this.#context,
        this.#bar, this.#detail),
      this.#waiting, this.#running);
  }

  show({ who, waiting, running, parts }, scale, color) {
    say(this.#name, who.name);
    say(this.#context, who.context);
    say(this.#waiting, threads(waiting));
    say(this.#running, threads(running));
    const waits = parts.filter((part) => part.goes === "waiting" && part.threads > 0)
      .sort((a, b) => b.threads - a.threads);
    say(this.#detail, waits.filter((part) => part.threads >= 0.005)
      .map((part) => `${part.title} ${threads(part.threads)}`).join(" · "));
    const bars = [...waits.map((part) => [color(part.title), part.threads]), ["running", running]];
    while (this.#bar.children.length > bars.length) this.#bar.lastChild.remove();
    bars.forEach(([name, amount], index) => {
      const bar = this.#bar.children[index] ?? this.#bar.appendChild(element("i"));
      bar.className = name;
      bar.style.width = `${100 * amount / scale}%`;
    });
  }
}
