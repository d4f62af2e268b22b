// The inbox from the keyboard, and its news. Without this file every row still opens, accepts and ticks.
import { say } from "./desk.js";
import { keys, keysOn, switchKeys } from "./keys.js";
import { listen } from "./news.js";

const table = document.getElementById("inbox");
const body = table?.tBodies[0];
const bulk = document.getElementById("bulk");
const fresh = document.getElementById("fresh");
const dialog = document.getElementById("keys");
const words = table?.dataset ?? {};
// Tickets that wait and are not shown here.
const unseen = new Set();
let current = null;

const rows = () => [...(body?.rows ?? [])];
const link = (row) => row.querySelector(".open");
const rowOf = (ticket) => rows().find((row) => row.dataset.ticket === ticket);
const fill = (text, ticket) => (text ?? "").replace("{ticket}", ticket);

// --- where the officer is -----------------------------------------------------------------------------------------

function stand(row) {
  current?.classList.remove("current");
  current = row;
  current?.classList.add("current");
}

function go(step) {
  const all = rows();
  const at = all.indexOf(current);
  const next = at < 0 ? all[0] : all[Math.min(Math.max(at + step, 0), all.length - 1)];
  if (!next) return;
  stand(next);
  link(next).focus();
  next.scrollIntoView({ block: "nearest" });
}

// The next report that still waits, or the one before where there is none.
function onwards(row) {
  const all = rows();
  const at = all.indexOf(row);
  const waits = (each) => !each.classList.contains("past") && !each.classList.contains("busy");
  const next = all.slice(at + 1).find(waits) ?? all.slice(0, at).reverse().find(waits);
  if (!next) return;
  stand(next);
  link(next).focus();
  next.scrollIntoView({ block: "nearest" });
}

body?.addEventListener("focusin", (event) => stand(event.target.closest("tr")));

// --- accepting from the list ----------------------------------------------------------------------------------------

function past(row, text) {
  row.classList.remove("busy");
  row.classList.add("past");
  const box = row.querySelector(".tick input");
  if (box) { box.checked = false; box.disabled = true; }
  const form = row.querySelector(".accept");
  if (form) form.querySelector("button").disabled = true;
  const deadline = row.querySelector(".deadline");
  if (deadline) deadline.textContent = text;
  count();
}

// Where the rows of these tickets are fetched; those that no longer wait have none.
function rowsAt(tickets) {
  const query = new URLSearchParams();
  for (const ticket of tickets) query.append("tiket", ticket);
  query.set("dari", words.here ?? "/desk/triase");
  return `/desk/triase/baris?${query}`;
}

async function parsed(answer) {
  const part = document.createElement("template");
  part.innerHTML = await answer.text(); // our own page, escaped by the server
  return new Map([...part.content.querySelectorAll("tr[data-ticket]")].map((row) => [row.dataset.ticket, row]));
}

async function accept(row) {
  const form = row.querySelector(".accept");
  const { ticket } = row.dataset;
  if (row.classList.contains("past") || row.classList.contains("busy")) return;
  if (!form) {
    say(fill(words.nothing, ticket));
    return;
  }
  row.classList.add("busy");
  say(fill(words.accepting, ticket));
  const fields = new URLSearchParams(new FormData(form));
  fields.set("next", rowsAt([ticket]));
  const leaves = row.contains(document.activeElement) || row === current;
  if (leaves) onwards(row);
  try {
    const answer = await fetch(form.action, { method: "POST", body: fields });
    const at = new URL(answer.url).pathname;
    if (at.startsWith("/desk/masuk")) {
      row.classList.remove("busy");
      say(words.ended);
    } else if (answer.ok) {
      const [still] = at === "/desk/triase/baris" ? (await parsed(answer)).values() : [];
      if (still) put(row, still);
      else past(row, fill(words.done, ticket));
      if (!still) say(fill(words.done, ticket));
    } else if (answer.status === 409 || answer.status === 404) {
      row.classList.remove("busy");
      say(fill(words.changed, ticket));
      await look([ticket]);
    } else {
      row.classList.remove("busy");
      say(fill(words.failed, ticket));
    }
  } catch {
    row.classList.remove("busy");
    say(fill(words.failed, ticket));
  }
}

body?.addEventListener("submit", (event) => {
  const form = event.target.closest(".accept");
  if (!form) return;
  event.preventDefault();
  accept(form.closest("tr"));
});

// --- ticking -------------------------------------------------------------------------------------------------------

function count() {
  const ticked = bulk ? rows().filter((row) => row.querySelector(".tick input")?.checked).length : 0;
  const line = document.getElementById("ticked");
  if (line) line.textContent = ticked ? words.ticked.replace("{count}", ticked) : words.hint;
}

function tick(row) {
  const box = row?.querySelector(".tick input");
  if (!box || box.disabled) return;
  box.checked = !box.checked;
  count();
}

body?.addEventListener("change", count);
count();

// --- news ----------------------------------------------------------------------------------------------------------

// A row that has changed is put in the place of the old one; what the officer has under the cursor, ticked or focused
// stays where and as it was.
function put(old, row) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const path = focused && (focused.matches(".open") ? ".open" : focused.matches(".tick input") ? ".tick input" : ".accept button");
  const box = row.querySelector(".tick input");
  if (box && old.querySelector(".tick input")?.checked) box.checked = true;
  old.replaceWith(row);
  if (old === current) stand(row);
  if (path) (row.querySelector(path) ?? link(row)).focus({ preventScroll: true });
}

async function look(tickets) {
  if (!tickets.length) return;
  let found;
  try {
    const answer = await fetch(rowsAt(tickets.slice(0, 50)));
    if (!answer.ok || answer.redirected) return;
    found = await parsed(answer);
  } catch {
    return; // no connection: the stream begins anew, and looks then
  }
  for (const ticket of tickets.slice(0, 50)) {
    const shown = rowOf(ticket);
    const now = found.get(ticket);
    if (shown && now) {
      if (shown.dataset.version !== now.dataset.version || shown.classList.contains("past")) {
        put(shown, now);
        if (now === current) say(fill(words.updated, ticket));
      }
    } else if (shown && !shown.classList.contains("past") && !shown.classList.contains("busy")) {
      past(shown, fill(words.gone, ticket));
      if (shown === current) say(fill(words.gone, ticket));
    } else if (!shown && now) {
      unseen.add(ticket);
    } else {
      unseen.delete(ticket);
    }
  }
  announce();
}

// Something may have been missed: this page of the list as it is now tells what is new, and the rest is asked for.
async function anew() {
  const shown = rows().filter((row) => !row.classList.contains("past")).map((row) => row.dataset.ticket);
  try {
    const answer = await fetch(location.href);
    if (!answer.ok || answer.redirected) return;
    for (const ticket of (await parsed(answer)).keys()) if (!rowOf(ticket)) unseen.add(ticket);
  } catch {
    return;
  }
  announce();
  await look(shown);
}

function announce() {
  if (!unseen.size || !fresh) return;
  const text = fresh.dataset.fresh.replace("{count}", unseen.size);
  if (fresh.textContent !== text) {
    fresh.textContent = text;
    fresh.hidden = false;
    say(text);
  }
}

function present(open) {
  for (const row of rows()) {
    const badge = row.querySelector("[data-here]");
    const others = open[row.dataset.ticket] ?? 0;
    if (!badge) continue;
    badge.hidden = !others;
    if (others) badge.textContent = words.others.replace("{count}", others);
  }
}

listen({
  changed: (reports) => look(reports
    .filter(({ ticket, version }) => rowOf(ticket)?.dataset.version !== String(version))
    .map(({ ticket }) => ticket)),
  anew,
  present,
  ended: () => say(words.ended),
});

// --- keys ----------------------------------------------------------------------------------------------------------

const button = document.getElementById("show-keys");
const box = document.getElementById("keys-on");

// Whoever stands on another button or link means that one.
function inList() {
  const at = document.activeElement;
  return !at || at === document.body || at.id === "main" || body.contains(at);
}

function help() {
  if (!dialog.open) dialog.showModal();
}

if (dialog && button && box) {
  button.hidden = false;
  button.addEventListener("click", help);
  box.checked = keysOn();
  box.addEventListener("change", () => switchKeys(box.checked));
}

keys({
  j: () => go(1),
  k: () => go(-1),
  a: () => (current && inList() ? accept(current) : false),
  x: () => (current && inList() ? tick(current) : false),
  "/": () => document.getElementById("find")?.focus(),
  "?": help,
});

// Arrows are no letters: they move whenever the officer is in the list, also where letters are switched off.
body?.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  go(step);
});
