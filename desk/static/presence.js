// Tells that this report is open here, and shows who else has it open:
//
//   <p data-present="T-…" data-one="{name} …" data-others="{names} …" data-newer="…" role="status" hidden></p>
//
// Nobody who has gone for lunch is present: without a key, a click or a scroll for some minutes the signs stop, and
// with them what keeps the session alive.
const EVERY = 15000;
const AWAY = 5 * 60000;

export function present(line, { version, changed } = {}) {
  const address = `/desk/laporan/${line.dataset.present}`;
  let touched = Date.now();
  let told = false;

  async function sign() {
    if (document.hidden || Date.now() - touched > AWAY) return;
    let answer;
    try {
      answer = await fetch(`${address}/hadir`, { method: "POST", headers: { Accept: "application/json" } });
    } catch {
      return; // no connection: the next sign will say it
    }
    if (!answer.ok) return;
    const found = await answer.json();
    const words = found.others.length === 1 ? line.dataset.one : line.dataset.others;
    const shown = found.others.length ? words.replace("{name}", found.others[0]).replace("{names}", found.others.join(", ")) : "";
    if (line.textContent !== shown) line.textContent = shown;
    line.hidden = !shown;
    if (version !== undefined && found.version !== version && !told) {
      told = true;
      changed?.(found.version);
    }
  }

  function goes() {
    navigator.sendBeacon(`${address}/pergi`);
  }

  for (const act of ["keydown", "pointerdown", "scroll"]) {
    document.addEventListener(act, () => { touched = Date.now(); }, { passive: true, capture: true });
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? goes() : sign()));
  window.addEventListener("pagehide", goes);
  setInterval(sign, EVERY);
  sign();
}
