// The page of a batch counts its seconds, and shows what came of it as soon as that is known.
import { say } from "./desk.js";

const batch = document.getElementById("batch");
const line = document.getElementById("says");
const until = Date.now() + Number(batch?.dataset.left ?? 0) * 1000;

async function look() {
  let found;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    found = await answer.json();
  } catch {
    return; // no connection: it is asked again
  }
  if (found.state === "done" || found.state === "undone") location.reload();
  else if (found.state === "running" && batch.dataset.state === "waiting") {
    batch.dataset.state = "running";
    say(batch.dataset.runs);
  }
}

function count() {
  const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
  line.textContent = left
    ? line.dataset.says.replace("{count}", line.dataset.count).replace("{seconds}", left)
    : batch.dataset.runs;
}

if (batch && ["waiting", "running"].includes(batch.dataset.state)) {
  if (line) setInterval(count, 250);
  setInterval(() => { if (Date.now() >= until) look(); }, 1000);
}
