// Draws a heatmap: pixels per step of time and per row, which the browser makes as large as there is room.

import { width, quantile } from "./past.js";

const LIGHT = [[236, 242, 248], [190, 216, 238], [106, 168, 214], [38, 108, 174], [10, 48, 96]];
const DARK = [[26, 40, 56], [24, 74, 116], [40, 124, 180], [116, 190, 232], [226, 245, 255]];
/** Pixels per row. The topmost is where the row ends, and has the mark. */
const TALL = 3;
const MARK = { light: [196, 78, 0], dark: [255, 166, 77] };

const dark = matchMedia("(prefers-color-scheme: dark)");
export const onThemeChange = (then) => dark.addEventListener("change", then);

const SHADES = 64;

/** Colors as pixels, from few to many. */
function palette() {
  const stops = dark.matches ? DARK : LIGHT;
  return Array.from({ length: SHADES }, (_, shade) => {
    const at = shade / (SHADES - 1) * (stops.length - 1);
    const low = Math.min(Math.floor(at), stops.length - 2);
    return pixel(stops[low].map((from, channel) => from + (stops[low + 1][channel] - from) * (at - low)));
  });
}

/** Pixels are numbers in the machine's order of bytes, in which their first byte is red. */
function pixel([red, green, blue]) {
  return new Uint32Array(new Uint8ClampedArray([red, green, blue, 255]).buffer)[0];
}

/** The whole scale, for the legend. */
export function drawScale(canvas) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(SHADES, 1);
  new Uint32Array(image.data.buffer).set(palette());
  canvas.width = SHADES;
  context.putImageData(image, 0, 0);
}

/** Draws the rows from `bottom` to `top` of a metric. */
export function draw(canvas, past, metric, { bottom, top }) {
  const slots = Math.max(1, Math.round(past.frame / past.step));
  const height = (top - bottom + 1) * TALL;
  if (canvas.width !== slots) canvas.width = slots;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(slots, height);
  const pixels = new Uint32Array(image.data.buffer);
  const shades = palette();
  const marked = pixel(dark.matches ? MARK.dark : MARK.light);
  const columns = past.of(metric);
  const strength = (count, column) => Math.log1p(count / width(column) * past.step);
  let most = 0;
  for (const column of columns) {
    for (const count of column.amounts[metric].slice(1)) most = Math.max(most, strength(count, column));
  }
  for (const column of columns) {
    const [first, ...counts] = column.amounts[metric];
    const left = Math.min(slots - 1, Math.round(past.position(column.from) * slots));
    const right = Math.max(left + 1, Math.round(past.position(column.to) * slots));
    const fill = (row, tall, color) => {
      if (row < bottom || row > top) return;
      const begin = (top - row) * TALL;
      for (let y = begin; y < begin + tall; y += 1) pixels.fill(color, y * slots + left, y * slots + right);
    };
    counts.forEach((count, place) => {
      if (count === 0) return;
      // What is there at all can be seen; what there is most of stands out.
      const part = 0.1 + 0.9 * (strength(count, column) / most) ** 1.5;
      fill(first + place, TALL, shades[Math.round(part * (SHADES - 1))]);
    });
    const mark = quantile([...Array(first).fill(0), ...counts], 0.99);
    if (mark !== undefined) fill(mark, 1, marked);
  }
  context.putImageData(image, 0, 0);
}
