// A service counter: the page empties itself when nobody touches it, and nothing of a resident stays in the browser.

const STORED = "lapor-loket:"; // as in chat.js
const idle = document.getElementById("idle");

function forget(all) {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(STORED) && (all || !key.startsWith(STORED + idle?.dataset.resident))) sessionStorage.removeItem(key);
  }
}
const between = document.querySelector("[data-between]") !== null;
try { if (idle || between) forget(between); } catch { /* the browser keeps nothing */ }

// A page that comes out of the browser's memory shows what it showed then: it is asked for anew.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  document.documentElement.classList.add("emptied");
  location.reload();
});

document.querySelector("[data-without-scripts]")?.remove();
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// Words that were typed and not sent are lost, too: the server asks first.
for (const form of document.querySelectorAll("form[data-empties]")) {
  form.addEventListener("submit", () => {
    document.documentElement.classList.add("leaving");
    form.querySelector("[name=belum]")?.remove();
    if (!document.getElementById("text")?.value.trim() && !document.querySelector(".line.pending, #picked li")) return;
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "belum", value: "ya" }));
  });
}

if (idle) watch(Number(idle.dataset.idle) * 1000, Number(idle.dataset.countdown) * 1000);

function watch(patience, countdown) {
  const left = document.getElementById("idle-left"), form = document.getElementById("idle-form");
  const other = "BroadcastChannel" in window ? new BroadcastChannel(STORED + idle.dataset.resident) : null;
  let touched = Date.now(), told = Date.now(), gone = false;

  function touch() {
    touched = Date.now();
    other?.postMessage(0);
    if (touched - told < 60000) return;
    told = touched;
    fetch(`/chat/loket/masih?loket=${idle.dataset.resident}`, { method: "POST" }).catch(() => {});
  }
  for (const kind of ["pointerdown", "keydown", "input", "wheel", "touchmove"]) {
    // While it warns, only its button counts: a sleeve on the screen is nobody.
    addEventListener(kind, () => { if (!idle.open) touch(); }, { passive: true, capture: true });
  }
  if (other) other.onmessage = () => { touched = Date.now(); if (idle.open) idle.close(); };
  const stay = () => { told = 0; touch(); };
  document.getElementById("idle-stay").addEventListener("click", () => idle.close());
  idle.addEventListener("close", () => { if (!gone) stay(); });
  form.addEventListener("submit", empty);

  function empty() {
    gone = true;
    document.documentElement.classList.add("leaving", "emptied");
    document.getElementById("lines")?.replaceChildren();
    document.querySelector(".sheet")?.remove();
    const box = document.getElementById("text");
    if (box) box.value = "";
    try { forget(true); } catch { /* nothing was kept */ }
  }

  setInterval(() => {
    const rest = touched + patience + countdown - Date.now();
    if (gone || rest > countdown) return;
    if (rest <= 0) return form.requestSubmit();
    if (!idle.open) {
      document.querySelectorAll("dialog[open]").forEach((each) => each.close("cancel"));
      idle.showModal();
      document.getElementById("idle-stay").focus();
    }
    const words = idle.dataset.left.replace("{seconds}", Math.ceil(rest / 1000));
    if (left.textContent !== words) left.textContent = words;
  }, 250);
}
