// Elements from values. Text is only ever text.

/** An element with attributes and children; what is undefined is left out. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  set(made, attributes);
  made.append(...children.flat().filter((child) => child !== undefined));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function drawing(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  set(made, attributes);
  made.append(...children);
  return made;
}

function set(made, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(key, value);
  }
}

/** Sets text without touching what is the same, so that nobody loses what they selected. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A name, which may be written from right to left. */
export const isolated = (text) => element("bdi", {}, text);

/** Cards under a heading per collector, made when there is something for them. */
export class Groups {
  #into;
  #heading;
  #kind;
  #groups = new Map();

  constructor(into, kind, heading) {
    this.#into = into;
    this.#kind = kind;
    this.#heading = heading;
  }

  add(card, collector, place) {
    let group = this.#groups.get(collector);
    if (group === undefined) {
      const cards = element("div", { class: this.#kind });
      const whole = element("div", { class: "group" }, element("h3", {}, this.#heading(collector)), cards);
      group = { whole, cards, place };
      const next = [...this.#groups.values()].filter((other) => other.place > place)
        .sort((a, b) => a.place - b.place)[0];
      this.#into.insertBefore(whole, next?.whole ?? null);
      this.#groups.set(collector, group);
    }
    card.dataset.place = place;
    const next = [...group.cards.children].find((other) => Number(other.dataset.place) > place);
    group.cards.insertBefore(card, next ?? null);
  }
}
