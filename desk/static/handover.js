// The queue and the form to copy, from the keyboard. Without this file every block can be selected with one click.
import { say } from "./desk.js";
import { keys, keysOn, switchKeys } from "./keys.js";
import { present } from "./presence.js";

const fields = document.querySelector(".fields");
const words = fields?.dataset ?? {};
const dialog = document.getElementById("keys");
const button = document.getElementById("show-keys");
const box = document.getElementById("keys-on");

// --- copying ------------------------------------------------------------------------------------------------------

// Pages that did not come over https have no clipboard; the old way works there.
async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // forbidden just now: the old way
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  const before = document.activeElement;
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  before?.focus({ preventScroll: true });
  return done;
}

async function take(each) {
  const entry = each.closest(".entry");
  const label = each.querySelector(".hidden").textContent.trim();
  if (!(await copy(entry.querySelector(".value").textContent))) {
    say((each.closest("[data-failed]") ?? fields)?.dataset.failed ?? "");
    getSelection().selectAllChildren(entry.querySelector(".value"));
    return;
  }
  entry.classList.add("copied");
  each.querySelector(".does").textContent = words.again ?? each.querySelector(".does").textContent;
  say((words.done ?? "{field}").replace("{field}", label));
}

const buttons = [...document.querySelectorAll("[data-copy]")];
for (const each of buttons) {
  each.hidden = false;
  each.addEventListener("click", () => take(each));
}

// --- where the officer is -----------------------------------------------------------------------------------------

function go(step) {
  const links = [...document.querySelectorAll("#waiting .open")];
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? links[0] : links[Math.min(Math.max(at + step, 0), links.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

const line = document.querySelector("[data-present]");
if (line) present(line);
// What is wrong is read first.
document.querySelector(".wrong[role=alert]")?.focus();

// --- keys ---------------------------------------------------------------------------------------------------------

function help() {
  if (!dialog.open) dialog.showModal();
}

if (dialog && button && box) {
  button.hidden = false;
  button.addEventListener("click", help);
  box.checked = keysOn();
  box.addEventListener("change", () => switchKeys(box.checked));
}

const map = { "?": help };
if (document.getElementById("waiting")) {
  map.j = () => go(1);
  map.k = () => go(-1);
}
for (const each of buttons) {
  if (each.dataset.key) map[each.dataset.key] = () => { take(each); };
}
const asked = document.querySelector(".asked");
if (asked) map.n = () => { asked.focus(); asked.select(); };
if (document.getElementById("handover")) map.u = () => { location.assign("/desk/sp4n"); };
keys(map);
