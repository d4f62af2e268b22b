// The agency's list from the keyboard, and its news. Without this file every row still opens.
import { say } from "./desk.js";
import { keys, keysOn, switchKeys } from "./keys.js";
import { listen } from "./news.js";

const list = document.getElementById("tasks");
const dialog = document.getElementById("keys");
let current = null;

const rows = () => [...list.querySelectorAll("tr[data-ticket]")];

function stand(row) {
  current?.classList.remove("current");
  current = row ?? null;
  current?.classList.add("current");
}

function go(step) {
  const all = rows();
  const at = all.indexOf(current);
  const next = at < 0 ? all[0] : all[Math.min(Math.max(at + step, 0), all.length - 1)];
  if (!next) return;
  stand(next);
  next.querySelector(".open").focus();
  next.scrollIntoView({ block: "nearest" });
}

list.addEventListener("focusin", (event) => stand(event.target.closest("tr")));

// The list as it is now, in the place of the old one; whoever stood on a report stands on it still.
let asking = false;
let again = false;

async function look() {
  if (asking) { again = true; return; }
  asking = true;
  do {
    again = false;
    try {
      const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
      if (!answer.ok || answer.redirected) break;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("tasks");
      if (!fresh || fresh.textContent === list.textContent) continue;
      const ticket = current?.dataset.ticket;
      const held = list.contains(document.activeElement);
      list.replaceChildren(...fresh.childNodes);
      stand(rows().find((row) => row.dataset.ticket === ticket));
      if (held) (current ?? rows()[0])?.querySelector(".open").focus();
      say(list.dataset.fresh);
    } catch {
      break; // no connection: the next news asks again
    }
  } while (again);
  asking = false;
}

listen({ changed: look, anew: look, ended: () => say(list.dataset.ended) });
// A report that leaves us is no news of ours any more: whoever comes back to the page looks anew.
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });

const button = document.getElementById("show-keys");
const box = document.getElementById("keys-on");
button.hidden = false;
button.addEventListener("click", () => dialog.showModal());
box.checked = keysOn();
box.addEventListener("change", () => switchKeys(box.checked));
keys({
  j: () => go(1),
  k: () => go(-1),
  Enter: () => {
    if (!current || document.activeElement?.closest("a, button, summary")) return false;
    current.querySelector(".open").click();
    return true;
  },
  "?": () => dialog.showModal(),
});
