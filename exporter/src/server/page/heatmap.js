// Draws a heatmap: pixels per step of time and per row, which the browser makes as large as there is room.

import { width, quantile } from "./past.js";

const LIGHT = [[236, 242, 248], [190, 216, 238], [106, 168, 214], [38, 108, 174], [10, 48, 96]];
const DARK = [[26, 40, 56], [24, 74, 116], [40, 124, 180], [116, 190, 232], [226, 245, 255]];
/** Pixels per row. The topmost is where the row ends, and has the mark. */
const TALL = 3;
const MARK = { light: [196, 78, 0], dark: [255, 166, 77] };

const dark = matchMedia("(prefers-color-scheme: dark)");
export const onThemeChange = (then) => dark.addEventListener("change", then);

/** From few, 0, to many, 1. */
function color(part) {
  const stops = dark.matches ? DARK : LIGHT;
  const at = Math.min(Math.max(part, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  return stops[low].map((from, channel) => from + (stops[low + 1][channel] - from) * (at - low));
}

function paint(image, x, y, [red, green, blue]) {
  const at = 4 * (y * image.width + x);
  image.data.set([red, green, blue, 255], at);
}

/** The whole scale, for the legend. */
export function drawScale(canvas) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, 1);
  for (let x = 0; x < canvas.width; x += 1) paint(image, x, 0, color(x / (canvas.width - 1)));
  context.putImageData(image, 0, 0);
}

/** Draws the rows from `bottom` to `top` of a metric. */
export function draw(canvas, past, metric, { bottom, top }) {
  const slots = Math.max(1, Math.round(past.span / past.step));
  const height = (top - bottom + 1) * TALL;
  if (canvas.width !== slots) canvas.width = slots;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(slots, height);
  const columns = past.of(metric);
  let most = 0;
  for (const column of columns) {
    for (const count of column.amounts[metric].slice(1)) most = Math.max(most, count / width(column));
  }
  const brightness = 1 / Math.log1p(most * past.step);
  for (const column of columns) {
    const [first, ...counts] = column.amounts[metric];
    const left = Math.round(past.position(column.from) * slots);
    const right = Math.max(left + 1, Math.round(past.position(column.to) * slots));
    const mark = quantile([...Array(first).fill(0), ...counts], 0.99);
    const fill = (row, tall, shade) => {
      if (row < bottom || row > top) return;
      const y = (top - row) * TALL;
      for (let x = left; x < Math.min(right, slots); x += 1) {
        for (let down = 0; down < tall; down += 1) paint(image, x, y + down, shade);
      }
    };
    counts.forEach((count, place) => {
      if (count === 0) return;
      const part = Math.log1p(count / width(column) * past.step) * brightness;
      fill(first + place, TALL, color(0.12 + 0.88 * part));
    });
    if (mark !== undefined) fill(mark, 1, dark.matches ? MARK.dark : MARK.light);
  }
  context.putImageData(image, 0, 0);
}
