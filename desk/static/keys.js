// Single-letter keys, for every page that has them: off where the officer switched them off, and never while typing.
const SWITCH = "desk.keys";

export function keysOn() {
  try {
    return localStorage.getItem(SWITCH) !== "off";
  } catch {
    return true; // no storage in this browser: nothing was switched off
  }
}

export function switchKeys(on) {
  try {
    if (on) localStorage.removeItem(SWITCH);
    else localStorage.setItem(SWITCH, "off");
  } catch {
    // no storage: the switch holds for nothing, and the keys stay as they are
  }
}

// Whether a key pressed there is meant for a field, not for us.
export function typing(target) {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable], dialog[open]") !== null;
}

// `map` has what each key does: {"a": (event) => …}. A key that does something is taken from the browser.
// With modifiers (Shift makes "?", so it is none), repeats, in fields and while composing nothing happens.
export function keys(map) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || event.isComposing) return;
    if (!keysOn() || typing(event.target)) return;
    const act = Object.hasOwn(map, event.key) ? map[event.key] : undefined;
    if (act && act(event) !== false) event.preventDefault();
  });
}
