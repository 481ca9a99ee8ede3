"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const MARKS = { done: "✔", cached: "$", failed: "✘", canceled: "∅" };
const WORDS = { done: "done", cached: "cached", failed: "failed", canceled: "cancelled" };
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
const MOST_REASONS = 8;
const spans = new Map(data.spans.map((span) => [span.number, span]));
const decided = new Map();
const rows = [];

const find = (id) => document.getElementById(id);
const whole = Math.max(data.seconds, 0.001);
const percent = (seconds) => `${(100 * seconds) / whole}%`;
const share = (seconds) => `${Math.round((100 * seconds) / whole)} %`;

// All text gets onto the page through here, so that none of it is ever taken for HTML.
function make(tag, properties = {}, ...children) {
  const { style = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(style)) element.style.setProperty(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  const [minutes, rest] = [Math.floor(Math.round(seconds) / 60), Math.round(seconds) % 60];
  if (minutes < 60) return `${minutes}m${String(rest).padStart(2, "0")}s`;
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, "0")}m`;
}

const ownOf = (span) => span.own.reduce((sum, [start, end]) => sum + end - start, 0);
const isSlow = (span) => span.status === "done" && span.usual >= 1 && span.worked > 1.5 * span.usual;
const slow = (span) => (isSlow(span) ? make("span", { className: "slow" }, `usually ${duration(span.usual)}`) : null);
const oneLine = (text) => text.split(/\s+/).join(" ").trim();
const nameOf = (number) => (spans.has(number) ? oneLine(spans.get(number).title) : "ci itself, between the steps");

function link(number) {
  const name = make("span", { className: "name", title: nameOf(number) }, nameOf(number));
  return spans.has(number) ? make("a", { href: `#step-${number}` }, name) : name;
}

function drawHead() {
  const words = { done: "Done in", failed: "Failed after", canceled: "Cancelled after" };
  find("outcome").className = data.outcome in words ? data.outcome : "canceled";
  find("outcome").textContent = `${words[data.outcome] ?? words.canceled} ${duration(data.seconds)}`;
  find("command").textContent = document.title = data.command;
  find("began").textContent = new Date(data.began).toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  const work = data.spans.reduce((sum, span) => sum + ownOf(span), 0);
  const totals = [
    ["Steps", data.steps],
    ["From the cache", data.steps ? `${data.cached} (${Math.round((100 * data.cached) / data.steps)} %)` : "0"],
    ["The cache saved", data.saved ? `at least ${duration(data.saved)}` : "not known"],
    ["Work done", duration(work)],
    ["At once, on average", (work / whole).toFixed(1)],
  ];
  find("totals").append(...totals.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

// What failed by itself, not because a part of it did.
function culprits() {
  const failed = data.spans.filter((span) => span.status === "failed");
  const parents = new Set(failed.map((span) => span.parent));
  return failed.filter((span) => !parents.has(span.number));
}

function drawFailures() {
  const items = culprits().map((span) => make("li", {}, link(span.number), make("div", {}, span.error.split("\n")[0])));
  find("failures").hidden = items.length === 0;
  find("failures").querySelector("ul").append(...items);
}

function drawReasons() {
  for (const [number, seconds] of data.deciding) decided.set(number, (decided.get(number) ?? 0) + seconds);
  for (const [number, seconds] of data.deciding) {
    const className = spans.get(number)?.status ?? "";
    find("chain").append(make("span", { className, title: `${duration(seconds)} ${nameOf(number)}`, style: { width: percent(seconds) } }));
  }
  const sorted = [...decided].sort((one, other) => other[1] - one[1]);
  const shown = sorted.slice(0, MOST_REASONS).filter(([, seconds]) => seconds >= 0.05);
  for (const [number, seconds] of shown) {
    const span = spans.get(number);
    const words = make("span", {}, link(number), span ? slow(span) : null);
    find("reasons").append(make("li", {}, make("strong", {}, duration(seconds)), make("span", { className: "share" }, share(seconds)), words));
  }
}

function drawAxis() {
  const most = window.innerWidth < 640 ? 4 : 8;
  const step = STEPS.find((candidate) => whole / candidate <= most) ?? whole;
  find("rows").style.setProperty("--tick", percent(step));
  const ticks = make("div");
  for (let at = 0; at < whole * 0.97; at += step) {
    const text = step < 1 ? `${at.toFixed(1)}s` : duration(at).replace(".0s", "s");
    ticks.append(make("span", { style: { left: percent(at) } }, text));
  }
  find("axis").replaceChildren(ticks);
}

function bar(className, start, end) {
  return make("i", { className, style: { left: percent(start), width: `max(2px, ${percent(end - start)})` } });
}

// What is too short to be seen would only look like scratches.
function ownBars(span) {
  const seen = ([start, end]) => end - start > whole / 500 || end - start > (span.end - span.start) / 2;
  return span.own.filter(seen).map(([start, end]) => bar("own", start, end));
}

function section(title, text) {
  return text ? [make("h3", {}, title), make("pre", { tabIndex: 0 }, text)] : [];
}

function story(span) {
  const took = span.end - span.start;
  const parts = [`${WORDS[span.status]}: from ${duration(span.start)} to ${duration(span.end)}, ${duration(took)} in all`];
  if (span.status !== "cached") parts.push(`${duration(ownOf(span))} its own work`);
  if (span.usual !== null) parts.push(`usually ${duration(span.usual)}`);
  if (decided.has(span.number)) parts.push(`${duration(decided.get(span.number))} (${share(decided.get(span.number))}) of what decided how long the run took`);
  return parts.join("; ");
}

function details(span) {
  const waits = span.waits.map(([other, start, end]) => make("p", {}, `Waited ${duration(end - start)}, from ${duration(start)} on, for `, link(other)));
  const cut = span.output.length === data.lines ? `Output, the last ${data.lines} lines` : "Output";
  return make("div", { className: "more" }, make("p", {}, `#${span.number}, ${story(span)}.`), ...waits, ...section("Command", span.title),
    ...section("Error", span.error), ...section(cut, span.output.join("\n")));
}

function drawRow(span, depth) {
  const track = make("span", { className: "track" }, bar("whole", span.start, span.end), ...ownBars(span),
    ...span.waits.map(([, start, end]) => bar("waits", start, end)));
  const name = make("span", { className: "name", title: span.title }, make("span", { className: "mark" }, MARKS[span.status]),
    decided.get(span.number) >= 0.05 ? make("b", { title: "decided how long it took" }, "◆ ") : null, oneLine(span.title));
  const time = make("span", { className: "time" }, span.status === "cached" ? make("small", {}, "cached") : duration(span.end - span.start));
  const row = make("details", { id: `step-${span.number}`, className: span.status, style: { "--depth": depth } }, make("summary", {}, name, track, time));
  // Most are never opened.
  row.addEventListener("toggle", () => row.open && row.childElementCount === 1 && row.append(details(span)));
  rows.push({ span, row, depth, text: [span.title, span.error, WORDS[span.status], ...span.output].join("\n").toLowerCase() });
}

function drawRows() {
  const children = Map.groupBy ? Map.groupBy(data.spans, (span) => span.parent) : new Map();
  if (!Map.groupBy) for (const span of data.spans) children.set(span.parent, [...(children.get(span.parent) ?? []), span]);
  const add = (number, depth) => (children.get(number) ?? []).forEach((span) => (drawRow(span, depth), add(span.number, depth + 1)));
  add(0, 0);
  const failed = new Set(culprits());
  for (const { span, row } of rows) row.open = failed.has(span);
}

function order() {
  const nested = find("order").value === "nested";
  const sorted = nested ? rows : [...rows].sort((one, other) => ownOf(other.span) - ownOf(one.span));
  for (const { row, depth } of rows) row.style.setProperty("--depth", nested ? depth : 0);
  find("rows").replaceChildren(...sorted.map(({ row }) => row));
  filter();
}

function filter() {
  const words = find("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = [...find("statuses").children].filter((button) => button.ariaPressed === "true").map((button) => button.value);
  const hits = new Set();
  const around = new Set();
  for (const { span, text } of rows) {
    if (!words.every((word) => text.includes(word)) || (wanted.length && !wanted.includes(span.status))) continue;
    hits.add(span.number);
    for (let above = spans.get(span.parent); above; above = spans.get(above.parent)) around.add(above.number);
  }
  const nested = find("order").value === "nested";
  for (const { span, row } of rows) {
    row.hidden = !hits.has(span.number) && !(nested && around.has(span.number));
    row.classList.toggle("aside", !hits.has(span.number));
  }
  find("count").textContent = hits.size === rows.length ? `${rows.length} steps` : `${hits.size} of ${rows.length} steps`;
}

function drawStatuses() {
  for (const status of Object.keys(WORDS)) {
    const count = data.spans.filter((span) => span.status === status).length;
    if (!count) continue;
    const button = make("button", { type: "button", className: status, value: status, ariaPressed: "false" }, `${WORDS[status]} ${count}`);
    button.addEventListener("click", () => {
      button.ariaPressed = String(button.ariaPressed !== "true");
      filter();
    });
    find("statuses").append(button);
  }
}

function go() {
  const row = location.hash.startsWith("#step-") && find(location.hash.slice(1));
  if (!row) return;
  row.hidden = false;
  row.open = true;
  row.scrollIntoView({ block: "nearest" });
  row.firstElementChild.focus({ preventScroll: true });
}

function press(event) {
  const typing = event.target.matches("input, select");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    find("filter").focus();
  } else if (["ArrowDown", "ArrowUp"].includes(event.key) && event.target.matches("summary")) {
    const shown = [...document.querySelectorAll("details:not([hidden]) > summary")];
    const next = shown[shown.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
    event.preventDefault();
    next?.focus();
  }
}

drawHead();
drawFailures();
drawReasons();
drawAxis();
drawStatuses();
drawRows();
order();
go();
find("filter").addEventListener("input", filter);
find("order").addEventListener("change", order);
addEventListener("hashchange", go);
addEventListener("resize", drawAxis);
document.addEventListener("keydown", press);
