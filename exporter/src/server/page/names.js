// Who somebody is. Names come from strangers: they are shown as text, and what cannot be seen is made visible.

/** Control characters and those that change how others are shown become escapes. */
export function visible(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu, (character) =>
    `\\u{${character.codePointAt(0).toString(16)}}`);
}

const SHORT_ID = 12;
const SHORT_NAME = 30;

/** A name for where there is little room: the last step of a path, and of that both ends. */
export function shortened(name) {
  const text = name.startsWith("/") && name.length > SHORT_NAME ? `…${name.slice(name.lastIndexOf("/"))}` : name;
  return text.length <= SHORT_NAME ? text : `${text.slice(0, SHORT_NAME - 8)}…${text.slice(-7)}`;
}

/** Whose cgroup it was: the name, and in what it is. */
function place(who) {
  if (who.pod !== undefined) {
    return { name: who.container ?? who.pod, context: [who.namespace, who.container && who.pod] };
  }
  if (who.container_id !== undefined) {
    return { name: `${who.container_runtime ?? "container"} ${who.container_id.slice(0, SHORT_ID)}`, context: [] };
  }
  if (who.workload !== undefined) return { name: who.workload, context: [who.namespace, who.workload_type] };
  const name = who.unit ?? who.cgroup;
  return name === undefined ? undefined : { name, context: [] };
}

/** A name and what tells it from others of that name, both safe to show. */
export function named(who) {
  const where = place(who);
  const process = who.command ?? who.executable;
  let name = where?.name ?? "the whole machine";
  let context = where?.context ?? [];
  if (process !== undefined || who.pid !== undefined) {
    context = where === undefined ? [] : [...where.context, where.name];
    name = process ?? `process ${who.pid}`;
    if (process !== undefined && who.pid !== undefined) context = [`process ${who.pid}`, ...context];
  }
  if (who.outer_container_id !== undefined) context = [`in ${who.outer_container_id.slice(0, SHORT_ID)}`, ...context];
  return { name: visible(name), context: context.filter(Boolean).map(visible).join(" / ") };
}

const CAPITALS = { cpu: "CPU", io: "I/O", ip: "IP", irq: "IRQ", numa: "NUMA", oom: "OOM", rtt: "RTT", tcp: "TCP", udp: "UDP" };

/** Words of a name as people write them, the first with a capital. */
function written(words) {
  const text = words.map((word) => CAPITALS[word] ?? word).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The same within a sentence. */
export const inText = (text) => /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;

/** A metric's name without what its place on the page says already. */
export function title(metric) {
  const parts = metric.name.split(".");
  if (parts[0] === "kernel") parts.shift();
  const family = metric.collector.split("_");
  if (parts.length > 1 && parts[0] === family[0]) {
    parts.shift();
    if (parts.length > 1 && parts[0] === family[1]) parts.shift();
  }
  return written(parts.join("_").split("_"));
}

/** What a segment of threads' time is. */
export function segmentTitle(segment, metric) {
  const what = Object.values(segment.what).map((value) => inText(written(visible(value).split("_"))));
  if (metric === undefined) return what.join(", ");
  const words = inText(title(metric)).replace(/ (time|duration|latency)$/, "");
  if (what.length === 0) return words;
  // Of what is about nothing but that, the name says nothing more.
  return words === "stall" || words === "time" ? what.join(", ") : `${words}, ${what.join(", ")}`;
}

/** A collector's name. */
export const heading = (collector) => written(collector.split("_"));
