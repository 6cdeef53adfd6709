// A card per counter or gauge: what it is now, and a line of the last minutes.

import { drawing, element, insert, say } from "./elements.js";
import { amount, rate, things } from "./format.js";
import { heading, inText, title } from "./names.js";
import { width } from "./past.js";
import { Whose } from "./whose.js";

const WIDTH = 300;
const HEIGHT = 40;

export class Counters {
  #cards = new Map();
  #into = element("div", { class: "cards small" });
  #quiet = element("p", { class: "quiet" });

  constructor(into) {
    into.append(this.#into, this.#quiet);
  }

  show(past, answer) {
    const quiet = [];
    past.metrics.forEach((metric, place) => {
      let card = this.#cards.get(place);
      if (card === undefined && past.of(place).length === 0) {
        quiet.push(`${inText(title(metric))} (${inText(heading(metric.collector))})`);
        return;
      }
      if (metric.kind === "histogram") return;
      if (card === undefined) {
        card = new Card(metric, place);
        this.#cards.set(place, card);
        insert(this.#into, card.whole, place);
      }
      card.show(past, answer);
    });
    say(this.#quiet, quiet.length === 0 || past.columns.length === 0 ? "" : `Nothing in this time: ${quiet.join(", ")}.`);
  }
}

class Card {
  #metric;
  #place;
  #now = element("span", { class: "now" });
  #most = element("span", { class: "most" });
  #line = drawing("polyline", { class: "line" });
  #area = drawing("polygon", { class: "area" });
  #whose = new Whose();

  constructor(metric, place) {
    this.#metric = metric;
    this.#place = place;
    const picture = drawing("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "spark", "aria-hidden": "true",
    }, this.#area, this.#line);
    this.whole = element("article", { class: "card" },
      element("h3", {}, title(metric), " ", element("span", { class: "context" }, inText(heading(metric.collector)))),
      element("p", { class: "figures" }, this.#now, this.#most),
      picture,
      this.#whose.whole,
      element("details", {}, element("summary", {}, element("code", {}, metric.prometheus)),
        element("p", {}, `${metric.help}.`)));
  }

  show(past, answer) {
    const { kind, unit } = this.#metric;
    const isLevel = kind === "gauge";
    const values = past.columns.map((column) => {
      const came = column.amounts[this.#place] ?? 0;
      return isLevel ? came : came / width(column);
    });
    const most = Math.max(...values, 0);
    const shown = (value) => isLevel ? amount(value, unit) : rate(value, unit);
    say(this.#now, `${shown(values.at(-1) ?? 0)} ${isLevel ? things(unit) : ""}`.trim());
    say(this.#most, `at most ${shown(most)}`);
    const scale = most === 0 ? 0 : (HEIGHT - 3) / most;
    const points = past.columns.flatMap((column, place) => {
      const y = (HEIGHT - 1 - values[place] * scale).toFixed(1);
      return [column.from, column.to].map((moment) => [(past.position(moment) * WIDTH).toFixed(1), y]);
    });
    const text = points.map((point) => point.join(",")).join(" ");
    this.#line.setAttribute("points", text);
    const ends = points.length === 0 ? "" : `${points[0][0]},${HEIGHT} ${text} ${points.at(-1)[0]},${HEIGHT}`;
    this.#area.setAttribute("points", ends);
    this.#whose.show(answer, this.#place);
  }
}
