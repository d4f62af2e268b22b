// One report from the keyboard: every action is a form of the page, and a key opens it. Beside that the search of
// offices while somebody types, templates, who else is here, and news. Without this file every form still works.
import { keys, keysOn, switchKeys } from "./keys.js";
import { listen } from "./news.js";
import { present } from "./presence.js";
import { say } from "./desk.js";

const report = document.getElementById("report");
const { ticket } = report.dataset;
const version = Number(report.dataset.version);
const dialog = document.getElementById("keys");

// --- keys ----------------------------------------------------------------------------------------------------------

function open(deed) {
  deed.open = true;
  // A template is chosen by whoever wants one; the words come first.
  const fields = [...deed.querySelectorAll("textarea, input:not([type=hidden]), select, button")];
  const first = fields.find((each) => !each.closest(".template"));
  (first ?? deed.querySelector("summary")).focus();
  deed.scrollIntoView({ block: "nearest" });
}

function choose(number) {
  const form = document.querySelector(`[data-choose="${number}"]`);
  if (!form) return false;
  form.requestSubmit();
}

const map = {
  a: () => {
    const form = document.querySelector("[data-accept]");
    if (!form) return false;
    form.requestSubmit();
  },
  1: () => choose(1),
  2: () => choose(2),
  3: () => choose(3),
  n: () => {
    const link = document.getElementById("go-next");
    if (!link) return false;
    link.click();
  },
  "?": () => { if (!dialog.open) dialog.showModal(); },
};
for (const deed of document.querySelectorAll(".deed[data-key]")) map[deed.dataset.key] = () => open(deed);
keys(map);

const button = document.getElementById("show-keys");
const box = document.getElementById("keys-on");
button.hidden = false;
button.addEventListener("click", () => dialog.showModal());
box.checked = keysOn();
box.addEventListener("change", () => switchKeys(box.checked));

// Escape leaves a field for the page, so that the next key is a key again.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || dialog.open) return;
  const deed = event.target instanceof Element ? event.target.closest(".deed") : null;
  if (!deed) return;
  const summary = deed.querySelector("summary");
  summary.focus();
});

// A form is sent once: a second press while the first is on its way would only be told that the report has changed.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
    sending = true;
  });
}
let sending = false;
window.addEventListener("pageshow", () => {
  sending = false;
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// --- templates -----------------------------------------------------------------------------------------------------

for (const select of document.querySelectorAll(".template select")) {
  const words = select.form.elements.namedItem("words");
  select.addEventListener("change", () => {
    const body = select.selectedOptions[0]?.dataset.body;
    const ours = [...select.options].some((each) => each.dataset.body === words.value);
    if (body === undefined || (words.value && !ours)) return;
    words.value = body;
    words.focus();
  });
}

// --- offices while typing ------------------------------------------------------------------------------------------

for (const [number, input] of [...document.querySelectorAll(".office input")].entries()) {
  const list = document.createElement("div");
  list.id = `found-${number}`;
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.labels[0].textContent.trim());
  input.removeAttribute("list");
  input.after(list);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", list.id], ["aria-expanded", "false"]]) {
    input.setAttribute(name, value);
  }
  let waiting;
  let asked = "";

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function mark(option) {
    for (const each of list.children) each.setAttribute("aria-selected", String(each === option));
    if (option) {
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }

  function take(option) {
    input.value = option.textContent;
    asked = input.value;
    close();
  }

  async function look() {
    asked = input.value;
    let found;
    try {
      const answer = await fetch(`/desk/laporan/${ticket}/cari-instansi?q=${encodeURIComponent(asked.slice(0, 200))}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      found = (await answer.json()).offices;
    } catch {
      return; // no connection: whatever is typed can still be sent, and is looked up then
    }
    if (input.value !== asked) return;
    list.replaceChildren(...found.map((each, place) => {
      const option = document.createElement("div");
      option.id = `${list.id}-${place}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.textContent = each.name;
      option.addEventListener("mousedown", (event) => { event.preventDefault(); take(option); });
      return option;
    }));
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    mark(list.firstElementChild);
  }

  input.addEventListener("input", () => {
    clearTimeout(waiting);
    if (!input.value.trim()) { close(); return; }
    waiting = setTimeout(look, 120);
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const at = list.querySelector("[aria-selected=true]");
    if (event.key === "ArrowDown" && list.hidden) { look(); event.preventDefault(); return; }
    if (list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const next = event.key === "ArrowDown" ? at?.nextElementSibling ?? list.firstElementChild : at?.previousElementSibling ?? list.lastElementChild;
      mark(next);
      event.preventDefault();
    } else if (event.key === "Enter" && at) {
      take(at);
      event.preventDefault();
    } else if (event.key === "Escape") {
      close();
      event.preventDefault();
    }
  });
}

// --- who else, and what is new ----------------------------------------------------------------------------------------

const news = document.getElementById("news");
let told = version;

async function changed(now) {
  if (sending || now <= told) return;
  told = now;
  let lines = [];
  try {
    const answer = await fetch(`/desk/laporan/${ticket}/perubahan?sejak=${version}`, { headers: { Accept: "application/json" } });
    if (answer.ok) lines = (await answer.json()).told;
  } catch {
    // no connection: that it has changed is known all the same
  }
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = news.dataset.reload;
  link.addEventListener("click", (event) => { event.preventDefault(); keep(); location.reload(); });
  news.replaceChildren(`${[news.dataset.says, ...lines].join(" ")} `, link);
  news.hidden = false;
}

present(document.getElementById("present"), { version, changed });
listen({
  changed: (reports) => {
    const ours = reports.find((each) => each.ticket === ticket);
    if (ours) changed(ours.version);
  },
  ended: () => say(report.dataset.ended),
});

// --- what is typed outlives a reload, in this tab alone ---------------------------------------------------------------

const kept = `desk.typed.${ticket}`;
const fields = () => [...document.querySelectorAll(".deed textarea, .deed input:not([type=hidden]), .deed select")];

function keep() {
  const found = fields().map((each) => (each.matches("[type=checkbox], [type=radio]") ? each.checked : each.value));
  const opened = [...document.querySelectorAll(".deed[open]")].map((each) => each.id);
  try {
    sessionStorage.setItem(kept, JSON.stringify({ found, opened, names: fields().map((each) => each.id || each.name) }));
  } catch {
    // no storage: the page says so by being empty; what was typed can be sent as it stands before reloading
  }
}

function fetchKept() {
  let had;
  try {
    had = JSON.parse(sessionStorage.getItem(kept) ?? "null");
    sessionStorage.removeItem(kept);
  } catch {
    return;
  }
  if (!had) return;
  for (const [place, each] of fields().entries()) {
    const at = had.names[place] === (each.id || each.name) ? place : had.names.indexOf(each.id);
    if (at < 0) continue;
    if (typeof had.found[at] === "boolean") each.checked = had.found[at];
    else each.value = had.found[at];
  }
  for (const id of had.opened) document.getElementById(id)?.setAttribute("open", "");
}
fetchKept();

// What came back from an action is read first.
const problem = document.getElementById("problem");
problem?.focus({ preventScroll: true });
problem?.scrollIntoView({ block: "start" });
