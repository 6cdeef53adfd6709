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

/** Puts a card among others, which are in the order of their places. */
export function insert(into, card, place) {
  card.dataset.place = place;
  const next = [...into.children].find((other) => Number(other.dataset.place) > place);
  into.insertBefore(card, next ?? null);
}

/** Cards under a heading per collector, made when there is something for them. */
export class Groups {
  #into;
  #heading;
  #groups = new Map();

  constructor(into, heading) {
    this.#into = into;
    this.#heading = heading;
  }

  add(card, collector, place) {
    let cards = this.#groups.get(collector);
    if (cards === undefined) {
      cards = element("div", { class: "cards" });
      insert(this.#into, element("div", {}, element("h3", {}, this.#heading(collector)), cards), place);
      this.#groups.set(collector, cards);
    }
    insert(cards, card, place);
  }
}
