// Numbers for people. A unit is UCUM's, as the catalogue has it.

const PREFIXES = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
const TIMES = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];
const BINARY = [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]];

/** Three digits that count. */
function digits(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toString();
  return Number(value.toPrecision(size < 1 ? 2 : 3)).toString();
}

function scaled(value, steps, least) {
  const step = steps.find(([size]) => Math.abs(value) >= size * 0.9995);
  return step ? `${digits(value / step[0])} ${step[1]}` : least(value);
}

export const seconds = (value) =>
  value === 0 ? "0 s"
    : value >= 86400 ? `${digits(value / 86400)} d`
    : value >= 3600 ? `${digits(value / 3600)} h`
    : value >= 60 ? `${digits(value / 60)} min`
    : scaled(value, TIMES, (least) => `${digits(least * 1e9)} ns`);

export const bytes = (value) => scaled(value, BINARY, (least) => `${digits(least)} B`);

export const count = (value) => scaled(value, PREFIXES, digits).replace(" ", "\u202f");

/** What one of a unit is called, if it has a name of its own: `{error}` is an error. */
const thing = (unit) => unit.startsWith("{") ? unit.slice(1, -1).replaceAll("_", " ") : "";

export function amount(value, unit) {
  if (unit === "s") return seconds(value);
  if (unit === "By") return bytes(value);
  return count(value);
}

export function rate(value, unit) {
  if (unit === "s") return `${count(value)} s per s`;
  if (unit === "By") return `${bytes(value)}/s`;
  return `${count(value)}/s`;
}

export const things = (unit) => thing(unit) === "" ? "" : `${thing(unit)}s`;

export const threads = (value) => value === 0 ? "0" : value < 0.005 ? "<0.01" : value.toFixed(value < 10 ? 2 : 1);

export const percent = (part) => `${digits(part * 100)} %`;

/** A part of a whole, to look at beside others. */
export const share = (part) => part < 0.005 ? "<1 %" : `${Math.round(part * 100)} %`;

export const clock = (milliseconds) => new Date(milliseconds).toLocaleTimeString();
