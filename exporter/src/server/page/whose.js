// Whose something was, in a line: those with most of it, and their parts.

import { element, isolated } from "./elements.js";
import { share } from "./format.js";
import { named, shortened } from "./names.js";

const SHOWN = 3;

export class Whose {
  whole = element("p", { class: "whose" });
  #shown = "";

  show(answer, metric) {
    const top = answer.tops.find((one) => one.metric === metric);
    const all = top === undefined ? 0 : top.rest + top.rows.reduce((sum, [, amount]) => sum + amount, 0);
    const shown = all === 0 ? [] : top.rows.slice(0, SHOWN).map(([who, amount]) =>
      [named(answer.who[who]), share(amount / all)]);
    const key = JSON.stringify(shown);
    if (key === this.#shown) return;
    this.#shown = key;
    this.whole.replaceChildren(...shown.flatMap(([who, part], place) => [
      place === 0 ? "" : ", ",
      element("span", { class: "name", title: [who.name, who.context].filter(Boolean).join(", ") },
        isolated(shortened(who.name))),
      ` ${part}`,
    ]));
  }
}
