// Asks the exporter what is new, as long as somebody looks, and shows it.

import { Boards } from "./boards.js";
import { Counters } from "./counters.js";
import { say } from "./elements.js";
import { Exporter } from "./exporter.js";
import { clock, seconds } from "./format.js";
import { drawScale, onThemeChange } from "./heatmap.js";
import { Heatmaps } from "./heatmaps.js";
import { Past } from "./past.js";

/** Milliseconds after which the next snapshot may be a little late. */
const LATE = 30;
/** Milliseconds between attempts while there is no answer, and how long one is waited for. */
const AGAIN = 5_000;
const PATIENCE = 15_000;

const by = (id) => document.getElementById(id);
const past = new Past();
const boards = new Boards(by("boards"));
const heatmaps = new Heatmaps(by("heatmaps"));
const counters = new Counters(by("counters"));
const exporter = new Exporter(by("collector-rows"), by("facts"));
const choices = by("choices").elements;
let answer;
let timer;
let asking = false;

function show() {
  if (answer === undefined) return;
  boards.show(answer, past.metrics, choices.order.value);
  heatmaps.show(past, answer);
  counters.show(past, answer);
  exporter.show(answer);
}

async function ask() {
  if (asking) return;
  asking = true;
  clearTimeout(timer);
  let wait = AGAIN;
  try {
    const question = new URLSearchParams({ since: past.here, window: choices.window.value });
    const response = await fetch(`api/live?${question}`, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (!response.ok) throw new Error((await response.text()).trim() || response.statusText);
    answer = await response.json();
    past.take(answer);
    wait = Math.max(200, (past.refresh - answer.age) * 1000 + LATE);
    say(by("state"), past.columns.length === 0 ? "Waiting for the first two reads"
      : `Live, every ${seconds(past.refresh)}`);
    document.body.classList.remove("lost");
  } catch (error) {
    const since = past.end === 0 ? "" : ` since ${clock(past.end)}`;
    say(by("state"), `No answer${since}: ${error.message}`);
    document.body.classList.add("lost");
  }
  asking = false;
  if (!document.hidden) timer = setTimeout(ask, wait);
  show();
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) ask();
});
by("choices").addEventListener("change", (event) => {
  if (event.target.name === "window") ask();
  else show();
});
by("choices").addEventListener("submit", (event) => event.preventDefault());
onThemeChange(() => {
  drawScale(by("scale"));
  heatmaps.redraw(past);
});
drawScale(by("scale"));
document.title = `${location.hostname} – ${document.title}`;
ask();
