// The collectors, how they fare, and what all of it costs.

import { element } from "./elements.js";
import { bytes, percent, seconds } from "./format.js";
import { visible } from "./names.js";

/** Costs are averages over this many milliseconds. */
const OVER = 60_000;
const LEAST = 4_000;

export class Exporter {
  #rows;
  #facts;
  #samples = [];

  constructor(rows, facts) {
    this.#rows = rows;
    this.#facts = facts;
  }

  show(answer) {
    const now = performance.now();
    this.#samples.push({ at: now, collectors: new Map(answer.cost.collectors) });
    while (this.#samples.length > 2 && this.#samples[1].at < now - OVER) this.#samples.shift();
    const rows = answer.collectors.map((collector) => element("tr", {},
      element("th", { scope: "row" }, visible(collector.name)),
      element("td", {}, element("span", { class: collector.up ? "up" : "down" }, collector.up ? "up" : "down")),
      element("td", {}, visible(collector.detail)),
      element("td", { class: "number" }, this.#cost(collector.name, now, answer.cost.cpus))));
    // What is the same stays, so that nobody loses what they selected.
    if (this.#rows.textContent !== rows.map((row) => row.textContent).join("")) this.#rows.replaceChildren(...rows);
    this.#facts.replaceChildren(...facts(answer));
  }

  /** Part of all CPUs that a collector takes. */
  #cost(collector, now, cpus) {
    const { at, collectors } = this.#samples[0];
    const before = collectors.get(collector);
    const after = this.#samples.at(-1).collectors.get(collector);
    if (before === undefined || after === undefined || now - at < LEAST) return "";
    return percent(Math.max(0, after - before) / ((now - at) / 1000) / cpus);
  }
}

function facts({ cost, history }) {
  const limit = cost.limit === null ? "no limit" : `${percent(cost.limit / cost.cpus)} allowed`;
  const all = [
    ["CPU, programs and exporter", cost.cores === null || cost.cores === 0 ? "not known yet" : `${percent(cost.cores / cost.cpus)} of ${cost.cpus} CPUs, ${limit}`],
    ["Memory", cost.memory === null ? "not known" : bytes(cost.memory)],
    ["Maps in the kernel", bytes(cost.maps)],
    ["History", `${bytes(history.bytes)} of ${bytes(history.limit)}, ${seconds(history.seconds)}`],
  ];
  if (cost.stale) all.unshift(["Last read", "failed; what is shown is older"]);
  return all.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));
}
