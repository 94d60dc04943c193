// The page: tabs, the feed that asks the broker once a second how it is, and what is shown of the answers.

import { Chart, bytes, short } from "./chart.js";
import { Frames } from "./frames.js";
import { Tree } from "./tree.js";

const $ = id => document.getElementById(id);

const tabs = [...document.querySelectorAll("[role=tab]")];

function choose(tab) {
  for (const t of tabs) {
    const chosen = t === tab;
    t.setAttribute("aria-selected", String(chosen));
    t.tabIndex = chosen ? 0 : -1;
    $(t.getAttribute("aria-controls")).hidden = !chosen;
  }
  history.replaceState(null, "", "#" + tab.getAttribute("aria-controls"));
  if (last) show(last);
}

for (const tab of tabs) {
  tab.onclick = () => choose(tab);
  tab.onkeydown = event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    next.focus();
    choose(next);
  };
}

const connections = new Chart($("chart-connections"), [""]);
const rates = new Chart($("chart-rates"), ["", "second"]);
const tree = new Tree($("tree-picture"));
new Frames({
  url: $("url"), connect: $("connect"), disconnect: $("disconnect"), state: $("socket"), editor: $("editor"), frame: $("frame"),
  send: $("send"), note: $("editor-note"), cards: $("cards"), none: $("cards-none"), clear: $("clear"), beats: $("show-beats"),
});

let last, before; // answers of the broker
let order = { by: "name", down: false };

for (const button of document.querySelectorAll("[data-sort]")) {
  button.onclick = () => {
    order = { by: button.dataset.sort, down: order.by === button.dataset.sort ? !order.down : button.dataset.sort !== "name" };
    if (last) destinations(last);
  };
}
$("destination-filter").oninput = () => last && destinations(last);

async function ask() {
  try {
    const answer = await fetch("console/status" + ($("tree").hidden ? "" : "?tree"), { cache: "no-store" });
    if (!answer.ok) throw new Error((await answer.text()).trim() || answer.statusText);
    before = last;
    last = await answer.json();
    last.at = performance.now();
    derive(last, before);
    connections.add([last.connections.now]);
    rates.add([last.inRate, last.outRate]);
    show(last);
    $("feed").textContent = "live";
    $("feed").className = "";
  } catch (error) {
    $("feed").textContent = error instanceof TypeError ? "the broker does not answer" : error.message;
    $("feed").className = "bad";
  }
  setTimeout(ask, 1000);
}

// derive adds rates, which the broker does not keep.
function derive(now, then) {
  const seconds = then ? (now.at - then.at) / 1000 : 0;
  const rate = (a, b) => (seconds > 0 && b !== undefined && a >= b ? (a - b) / seconds : 0);
  now.inRate = rate(now.published, then?.published);
  now.outRate = rate(now.delivered, then?.delivered);
  const known = new Map((then?.destinations || []).map(d => [d.name, d]));
  for (const d of now.destinations) {
    const old = known.get(d.name);
    d.inRate = rate(d.enqueued, old?.enqueued);
    d.outRate = rate(d.delivered, old?.delivered);
  }
}

function show(status) {
  $("vital-connections").textContent = short(status.connections.now);
  $("vital-in").textContent = short(status.inRate);
  $("vital-out").textContent = short(status.outRate);
  $("vital-memory").textContent = bytes(status.memory);
  $("vital-up").textContent = duration(status.uptime);
  $("server").textContent = status.server;
  if (!$("destinations").hidden) destinations(status);
  if (!$("connections").hidden) clients(status);
  if (!$("tree").hidden && status.tree) $("tree-count").textContent = tree.update(status.tree) + " actors are shown.";
}

function destinations(status) {
  const wanted = $("destination-filter").value.toLowerCase();
  const shown = status.destinations.filter(d => d.name.toLowerCase().includes(wanted));
  shown.sort((a, b) => {
    const [x, y] = [a[order.by], b[order.by]];
    const difference = typeof x === "string" ? x.localeCompare(y) : x - y;
    return (order.down ? -difference : difference) || a.name.localeCompare(b.name);
  });
  for (const button of document.querySelectorAll("[data-sort]")) {
    const th = button.closest("th");
    if (button.dataset.sort === order.by) th.setAttribute("aria-sort", order.down ? "descending" : "ascending");
    else th.removeAttribute("aria-sort");
  }
  rows($("destination-rows"), shown.slice(0, 500).map(d => [
    ["name", d.name], ["", d.type], ["n", short(d.subscribers)], ["n", short(d.messages)], ["n", bytes(d.bytes)], ["n", short(d.inRate)],
    ["n", short(d.outRate)], [d.dropped > 0 ? "n warn" : "n", short(d.dropped)], [d.expired > 0 ? "n warn" : "n", short(d.expired)],
  ]));
  $("destination-none").hidden = status.destinationCount > 0;
  const all = status.destinationCount;
  $("destination-count").textContent = all === 0 ? "" : `${Math.min(shown.length, 500)} of ${all}`;
}

function clients(status) {
  connections.draw();
  rates.draw();
  $("chart-connections-now").textContent = `${status.connections.now} now, ${short(status.connections.total)} since the start`;
  $("chart-rates-now").textContent = `${short(status.inRate)} in, ${short(status.outRate)} out`;
  rows($("connection-rows"), status.clients.map(c => [
    ["name", "c" + c.id], ["", c.kind], ["", c.remote || "–"], ["", c.user || "–"], ["", c.version || "–"],
    ["n", bytes(c.bytesIn)], ["n", bytes(c.bytesOut)], ["n", bytes(c.waiting)],
  ]));
  const more = status.connections.now - status.clients.length;
  $("connection-more").textContent = more > 0 ? `and ${more} more` : "";
}

// rows fills a table body with text, reusing what is there.
function rows(body, lines) {
  while (body.rows.length > lines.length) body.deleteRow(-1);
  lines.forEach((cells, i) => {
    const row = body.rows[i] || body.insertRow();
    cells.forEach(([name, text], j) => {
      const cell = row.cells[j] || row.insertCell();
      if (cell.className !== name) cell.className = name;
      if (cell.textContent !== String(text)) cell.textContent = text;
      if (name === "name") cell.title = text;
    });
  });
}

function duration(seconds) {
  const s = Math.floor(seconds), d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;
  if (d > 0) return `${d} d ${h} h`;
  if (h > 0) return `${h} h ${m} min`;
  return m > 0 ? `${m} min ${s % 60} s` : `${s} s`;
}

const at = tabs.find(t => "#" + t.getAttribute("aria-controls") === location.hash);
if (at) choose(at);
ask();
