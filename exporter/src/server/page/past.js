// What the page knows of the last minutes: the columns that the exporter has told it.

/** Minutes that are shown while there is less than the whole history. */
const FRAMES = [1, 2, 5, 10, 20, 30, 60];

export class Past {
  here = "";
  metrics = [];
  span = 600;
  step = 2;
  refresh = 2;
  columns = [];

  /** Takes an answer in. */
  take(answer) {
    this.here = answer.here;
    if (answer.whole) {
      Object.assign(this, answer.whole);
      this.columns = [];
    }
    for (const [from, to, amounts] of answer.columns) this.columns.push({ from, to, amounts });
    const begin = this.end - this.span * 1000;
    while (this.columns.length > 0 && this.columns[0].to <= begin) this.columns.shift();
  }

  /** When the newest column ends. */
  get end() {
    return this.columns.at(-1)?.to ?? 0;
  }

  /** Seconds from the left of a picture to its right. */
  get frame() {
    const known = (this.end - (this.columns[0]?.from ?? this.end)) / 1000;
    const frame = FRAMES.map((minutes) => minutes * 60).find((seconds) => seconds >= known);
    return Math.min(frame ?? this.span, this.span);
  }

  /** Where a moment is, from 0 at the left to 1 at the right. */
  position(moment) {
    return Math.min(1, Math.max(0, 1 - (this.end - moment) / (this.frame * 1000)));
  }

  /** The columns in which there was anything of a metric. */
  of(metric) {
    return this.columns.filter((column) => column.amounts[metric] !== undefined);
  }

  /** Seconds that all columns take together. */
  get seconds() {
    return this.columns.reduce((sum, column) => sum + (column.to - column.from) / 1000, 0);
  }
}

export const width = (column) => Math.max((column.to - column.from) / 1000, 0.001);

/** Samples by row, over these columns. */
export function sum(columns, metric) {
  const rows = [];
  for (const column of columns) {
    const [first, ...counts] = column.amounts[metric] ?? [0];
    counts.forEach((count, place) => { rows[first + place] = (rows[first + place] ?? 0) + count; });
  }
  return rows;
}

export const total = (rows) => rows.reduce((sum, count) => sum + count, 0);

/** The row below whose end this part of all samples is. */
export function quantile(rows, part) {
  const wanted = part * total(rows);
  let so_far = 0;
  for (const [row, count] of rows.entries()) {
    so_far += count ?? 0;
    if (count > 0 && so_far >= wanted) return row;
  }
  return undefined;
}

/** Where a row ends, in the metric's unit. */
export const end = (row, metric) => 2 ** (metric.zero + row / 2);
