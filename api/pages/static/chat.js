// The chat page's behaviour. Without this file the page is a plain form. With it nothing reloads,
// answers arrive by themselves, and what could not be sent stays in this browser until it is taken.

const $ = (id) => document.getElementById(id);
const page = $("page"), log = $("log"), lines = $("lines"), write = $("write"), box = $("text"), input = $("file");
const words = JSON.parse(page.dataset.words);
const lang = document.documentElement.lang;
const skew = Number(page.dataset.now) - Date.now(); // phones with a wrong clock still count like the server
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);

// A notice; a quiet one is only for screen readers, because the page shows the same thing already.
function say(text, quiet = false) {
  delete $("notice").dataset.passing;
  $("notice").classList.toggle("hidden", quiet);
  $("notice").textContent = text;
}

// --- what is kept in this browser: unsent messages, the draft, and a counter that orders messages

// At a service counter each resident has keys of their own, in this tab alone, which counter.js drops when they have gone.
const resident = page.dataset.resident, tail = resident ? `?loket=${resident}` : "";
const PREFIX = resident ? `lapor-loket:${resident}:` : "lapor-chat:";
const storage = () => (resident ? sessionStorage : localStorage);
const memory = new Map(); // where the browser keeps nothing (private windows), this page at least does
const kept = {
  get(key) { try { return storage().getItem(PREFIX + key) ?? memory.get(key) ?? null; } catch { return memory.get(key) ?? null; } },
  set(key, value) { try { storage().setItem(PREFIX + key, value); memory.delete(key); } catch { memory.set(key, value); } },
  drop(key) { memory.delete(key); try { storage().removeItem(PREFIX + key); } catch { /* nothing was kept */ } },
  keys() {
    let stored = [];
    try { stored = Object.keys(storage()).filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length)); } catch { /* none */ }
    return [...new Set([...stored, ...memory.keys()])];
  },
};

// One key a message, so that two tabs never overwrite each other's list.
const outbox = {
  put(message) { kept.set("out:" + message.id, JSON.stringify(message)); },
  drop(id) { kept.drop("out:" + id); files.drop(id); },
  has(id) { return kept.get("out:" + id) !== null; },
  all() {
    return kept.keys().filter((key) => key.startsWith("out:")).map((key) => JSON.parse(kept.get(key))).filter(Boolean).sort((a, b) => a.n - b.n);
  },
};

// Photos are too large for localStorage. The camera often makes a phone close the page, so they are kept as well.
const files = {
  held: new Map(),
  store: null,
  async ask(mode, work) {
    if (resident) throw new Error("a counter keeps no files"); // nothing of a resident outlives this page
    files.store = files.store || new Promise((resolve, reject) => {
      const opening = indexedDB.open("lapor-chat", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("files");
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
    const request = work((await files.store).transaction("files", mode).objectStore("files"));
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  },
  async put(id, blob) { files.held.set(id, blob); await files.ask("readwrite", (store) => store.put(blob, id)).catch(() => {}); },
  async get(id) { return files.held.get(id) ?? files.ask("readonly", (store) => store.get(id)).catch(() => undefined); },
  drop(id) { files.held.delete(id); if (files.store) files.ask("readwrite", (store) => store.delete(id)).catch(() => {}); },
};

function newId() {
  const b = crypto.getRandomValues(new Uint8Array(16)); // randomUUID needs https, which a test on a LAN lacks
  b[6] = (b[6] & 15) | 64;
  b[8] = (b[8] & 63) | 128;
  return [...b].map((x, i) => ([4, 6, 8, 10].includes(i) ? "-" : "") + x.toString(16).padStart(2, "0")).join("");
}

function nextNumber() {
  const n = Math.max(Number(kept.get("n") ?? 0) + 1, Date.now() + skew);
  kept.set("n", String(n));
  return n;
}

// --- lines on the page: confirmed ones in the server's order, then the ones on their way

let last = 0; // the newest cursor that is shown
const clock = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit" });
const dayOf = (date) => date.toDateString();
const firstPending = () => lines.querySelector(".pending");
const pendingLine = (id) => lines.querySelector(`.pending[data-id="${CSS.escape(id)}"]`);
let following = true; // the citizen looks at the end, so the end stays in view

function look() {
  const root = document.documentElement, whole = getComputedStyle(log).overflowY === "visible"; // on low screens the page scrolls
  following = whole ? innerHeight + scrollY > root.scrollHeight - 80 : log.scrollTop > -80; // the pane is reversed: 0 is its end
  if (following) $("newest").hidden = true;
}

function dayName(date) {
  const now = new Date(), before = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (dayOf(date) === dayOf(now)) return words.today;
  if (dayOf(date) === dayOf(before)) return words.yesterday;
  return date.toLocaleDateString(lang, { weekday: "long", day: "numeric", month: "long", year: date.getFullYear() === now.getFullYear() ? undefined : "numeric" });
}

function stamp(line) {
  const time = line.querySelector("time"), date = new Date(time.dateTime);
  time.textContent = clock.format(date);
  const above = line.previousElementSibling;
  if (above?.classList.contains("day")) return;
  if (above && dayOf(new Date(above.querySelector("time").dateTime)) === dayOf(date)) return;
  const day = document.createElement("li");
  day.className = "day";
  day.textContent = dayName(date);
  line.before(day);
}

function build(data) {
  const line = $(data.mine ? "line-mine" : "line-theirs").content.firstElementChild.cloneNode(true);
  const form = line.querySelector(".choices form");
  for (const { label, choice } of data.buttons ?? []) {
    const one = form.cloneNode(true);
    one.elements.label.value = label;
    one.elements.choice.value = choice;
    one.querySelector("button").textContent = label;
    form.before(one);
  }
  form?.remove();
  if (!data.buttons?.length) line.querySelector(".choices")?.remove();
  dress(line, data);
  return line;
}

function dress(line, data) {
  const text = line.querySelector(".text"), bubble = line.querySelector(".bubble");
  if (data.cursor) line.dataset.cursor = data.cursor;
  line.dataset.id = data.id ?? "";
  if (text.textContent !== data.text) text.textContent = data.text;
  text.hidden = !data.text;
  line.querySelector("time").dateTime = data.at;
  if (data.plays) text.before(player(data));
  if (data.receipt && !bubble.querySelector(".paper")) bubble.querySelector(".meta").before($("line-paper").content.cloneNode(true));
  if (data.files?.length) { bubble.querySelector(".sent")?.remove(); text.after(sent(data.files)); }
  if (!data.photo) return;
  bubble.querySelector(".file")?.remove();
  if (data.photo.startsWith("/")) {
    const image = $("line-photo").content.firstElementChild.cloneNode();
    image.src = data.photo;
    text.before(image);
  } else {
    (bubble.querySelector(".player") ?? text).before(fileChip(data.photo));
  }
}

// What an office has attached: pictures to look at, everything else to save.
function sent(attached) {
  const list = $("line-sent").content.firstElementChild.cloneNode();
  for (const { src, name, picture } of attached) {
    const item = $(picture ? "sent-picture" : "sent-file").content.firstElementChild.cloneNode(true), link = item.firstElementChild;
    link.href = src;
    if (picture) Object.assign(link.firstElementChild, { src: `${src}?kecil`, alt: name });
    else Object.assign(link, { download: name, textContent: name });
    list.append(item);
  }
  return list;
}

// What the citizen said or filmed can be played again; its bytes come only then.
function player({ plays, id, photo }) {
  const one = document.createElement(plays);
  Object.assign(one, { className: "player", controls: true, preload: "none", src: `/chat/files/${id}${tail}`, ariaLabel: photo });
  return one;
}

function fileChip(name) {
  const chip = document.createElement("span");
  chip.className = "file";
  chip.textContent = name;
  return chip;
}

// One line from the server: our own message come back, or something new.
function add(data) {
  if (data.cursor <= last) return;
  last = data.cursor;
  const follow = following || data.mine;
  const own = data.id && pendingLine(data.id);
  if (data.id) outbox.drop(data.id); // the server has it, even if the answer to our post was lost
  if (trouble) hurry();
  const line = own || build(data), pending = firstPending();
  if (own) {
    dress(own, data);
    lines.querySelectorAll(".mine:not(.pending)").forEach((older) => mark(older, "")); // said once, at the newest
    mark(own, words.sent);
    own.querySelector("progress")?.remove();
    if (own !== pending) pending.before(own); // moved only if it must be: moving makes screen readers say it again
    own.classList.remove("pending", "failed");
    own.querySelectorAll(".why, .small").forEach((extra) => extra.remove());
  } else {
    lines.insertBefore(line, pending);
  }
  stamp(line);
  openChoices();
  if (follow) toEnd();
  else $("newest").hidden = false;
  if (document.hidden && !data.mine && !document.title.startsWith("● ")) document.title = "● " + document.title;
}

// Only the newest question can be answered by a tap, and only once.
function openChoices() {
  const all = [...lines.querySelectorAll(".line:not(.failed)")];
  const answered = all.map((line) => line.classList.contains("mine")).lastIndexOf(true);
  const asking = all.map((line) => line.querySelector(".choices") !== null).lastIndexOf(true);
  all.forEach((line, i) => {
    const set = line.querySelector(".choices");
    if (set) set.disabled = i !== asking || answered > asking;
  });
}

function toEnd() {
  log.scrollTop = 0;
  write.scrollIntoView({ block: "end" });
  $("newest").hidden = true;
  following = true;
}

function mark(line, state) {
  line.querySelector(".state").textContent = state;
}

// --- sending: strictly in order, the same id until the server says that it has it

let sending = false, delay = 1000, timer = 0;

function send(message, shown = message.text ?? "") {
  const full = { id: newId(), n: nextNumber(), ...message };
  const at = new Date(Date.now() + skew).toISOString();
  outbox.put({ ...full, shown, at });
  pend({ ...full, shown, at });
  if (!stream) listen();
  flush();
}

async function sendFile(blob, file, text = "") {
  const id = newId();
  await files.put(id, blob);
  send({ id, file, text });
}

function pend(message) {
  const line = build({ mine: true, id: message.id, text: message.shown, at: message.at });
  line.classList.add("pending");
  if (message.file) line.querySelector(".text").before(fileChip(message.file));
  mark(line, words.sending);
  lines.append(line);
  stamp(line);
  openChoices();
  toEnd();
}

async function flush() {
  if (sending) return;
  sending = true;
  clearTimeout(timer);
  try {
    for (let next; (next = outbox.all().find((message) => !message.failed)); ) {
      if (!pendingLine(next.id)) pend(next); // written in another tab
      const { status, title } = await (next.file ? upload(next) : post(next));
      const line = pendingLine(next.id);
      if (status === 200) {
        outbox.drop(next.id);
        delay = 1000;
        if (line?.dataset.cleared) line.remove();
        else if (line) mark(line, words.sent);
        line?.querySelector("progress")?.remove();
      } else if ([400, 410, 413].includes(status)) {
        outbox.put({ ...next, failed: title });
        if (line) fail(line, { ...next, failed: title });
      } else if (outbox.has(next.id)) { // else its echo was here before the answer
        if (line) mark(line, words.waiting);
        if (status === 403 && title) say(title);
        troubled(true);
        timer = setTimeout(flush, delay);
        delay = Math.min(delay * 2, 30000);
        return;
      }
    }
    troubled(false);
  } finally {
    sending = false;
  }
}

function hurry() {
  delay = 1000;
  flush();
}

async function post({ id, n, text, choice, label, latitude, longitude }) {
  try {
    const body = JSON.stringify({ id, n, text, choice, label, latitude, longitude });
    const stop = new AbortController(), limit = setTimeout(() => stop.abort(), 20000);
    const response = await fetch(`/chat/messages${tail}`, { method: "POST", headers: { "Content-Type": "application/json" }, body, signal: stop.signal });
    const problem = response.ok ? {} : await response.json().catch(() => ({}));
    clearTimeout(limit);
    return { status: response.status, title: problem.title };
  } catch {
    return { status: 0 };
  }
}

async function upload({ id, n, text, file }) {
  const blob = await files.get(id);
  if (!blob) return { status: 410, title: words.file_gone };
  const form = new FormData();
  for (const [key, value] of Object.entries({ id, n, text: text ?? "" })) form.append(key, value);
  form.append("file", blob, file);
  const line = pendingLine(id);
  let bar = line?.querySelector("progress");
  if (line && !bar) {
    bar = document.createElement("progress");
    bar.setAttribute("aria-label", words.progress);
    bar.max = 1;
    bar.value = 0;
    line.querySelector(".meta").before(bar);
  }
  return new Promise((resolve) => {
    const request = new XMLHttpRequest(); // fetch cannot tell how far an upload is
    let stalled;
    const alive = () => { clearTimeout(stalled); stalled = setTimeout(() => request.abort(), 60000); };
    request.upload.onprogress = (event) => { alive(); if (bar) bar.value = event.loaded / event.total; };
    request.onloadend = () => {
      clearTimeout(stalled);
      let title;
      try { title = JSON.parse(request.responseText).title; } catch { /* no answer, or not ours */ }
      resolve({ status: request.status, title });
    };
    request.open("POST", `/chat/files${tail}`);
    request.send(form);
    alive();
  });
}

// What somebody told here with our help is theirs: it is put away once it is filed or dropped, and not shown again.
function clear(until) {
  for (const line of lines.querySelectorAll(".line")) {
    if (outbox.has(line.dataset.id)) line.dataset.cleared = "yes"; // on its way: if it is newer, it comes back as an echo
    else if (!(Number(line.dataset.cursor) > until)) line.remove();
  }
  for (const day of lines.querySelectorAll(".day")) if (!day.nextElementSibling?.matches(".line")) day.remove();
  last = Math.max(last, until);
}

// The server will never take it: say why, and give the words back.
function fail(line, message) {
  line.classList.add("failed");
  line.querySelector("progress")?.remove();
  mark(line, words.failed);
  const why = document.createElement("p"), button = document.createElement("button");
  why.className = "why";
  why.textContent = message.failed ?? "";
  button.type = "button";
  button.className = "quiet small";
  button.textContent = message.text ? words.edit : words.remove;
  button.addEventListener("click", () => {
    if (message.text) box.value = [message.text, box.value].filter(Boolean).join("\n");
    outbox.drop(message.id);
    line.remove();
    grow();
    box.focus();
  });
  line.append(why, button);
  openChoices();
}

// --- listening, and saying how the connection is

let stream, heard = 0, lost = null, trouble = false, wait = 1000;

function connection(text, bad) {
  const state = $("state");
  if (state.textContent !== text) state.textContent = text;
  state.classList.toggle("lost", bad);
}

function showConnection() {
  if (lost || trouble) connection(words.reconnecting, true);
  else if (lost === false) connection(words.connected, false); // at first nothing is known, so nothing is said
}

function troubled(now) {
  trouble = now;
  showConnection();
}

function listen() {
  stream?.close();
  const mine = (stream = new EventSource(`/chat/events?after=${last}${tail.replace("?", "&")}`));
  const alive = () => { heard = Date.now(); };
  alive();
  mine.onopen = () => { alive(); lost = false; wait = 1000; showConnection(); hurry(); if ("passing" in $("notice").dataset) say(""); };
  mine.onmessage = (event) => { alive(); add(JSON.parse(event.data)); };
  mine.addEventListener("beat", alive);
  mine.addEventListener("cleared", (event) => { alive(); clear(Number(event.data)); });
  mine.addEventListener("over", () => {
    mine.close();
    // Whoever has emptied the screen here is on the way to the next page already.
    if (!document.documentElement.classList.contains("leaving")) location.replace("/chat/loket");
  });
  mine.addEventListener("elsewhere", () => { mine.close(); stream = null; connection(words.elsewhere, false); });
  mine.onerror = () => {
    lost = true;
    showConnection();
    // The browser reconnects by itself after a broken line, but never after an error answer.
    if (mine.readyState === EventSource.CLOSED) setTimeout(() => { if (stream === mine) listen(); }, wait = Math.min(wait * 2, 30000));
  };
}

setInterval(() => { if (stream && Date.now() - heard > 40000) listen(); }, 5000); // a dead line gives no error
addEventListener("online", () => { listen(); hurry(); });
addEventListener("offline", () => { lost = true; showConnection(); });
addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
addEventListener("pagehide", () => stream?.close());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  document.title = document.title.replace(/^● /, "");
  if (!stream || Date.now() - heard > 20000) listen();
});

// --- writing

let picked = [];

function grow() {
  kept.set("draft", box.value);
  if (CSS.supports("field-sizing", "content")) return;
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
}

function showPicked() {
  const list = $("picked");
  list.hidden = !picked.length;
  list.replaceChildren(...picked.map((file) => {
    const item = document.createElement("li"), name = document.createElement("span"), button = document.createElement("button");
    name.textContent = file.name;
    button.type = "button";
    button.textContent = "×";
    button.setAttribute("aria-label", fill(words.unpick, { name: file.name }));
    button.addEventListener("click", () => { picked = picked.filter((other) => other !== file); showPicked(); box.focus(); });
    item.append(name, button);
    return item;
  }));
}

input.multiple = true;
input.addEventListener("change", () => {
  const good = [];
  say("");
  for (const file of input.files) {
    if (file.size > Number(page.dataset.largest)) say(fill(words.too_large, { name: file.name }));
    else if (!file.size) say(fill(words.empty_file, { name: file.name }));
    else good.push(file);
  }
  input.value = "";
  picked = [...picked, ...good];
  showPicked();
  if (good.length && !$("notice").textContent) say(good.map((file) => fill(words.picked, { name: file.name })).join(" "), true);
  box.focus();
});

write.addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = box.value.split("\0").join("").trim(), chosen = picked;
  const whole = text.toWellFormed?.() ?? text;
  if (!text && !chosen.length) return box.focus();
  if ([...text].length > Number(page.dataset.longest)) return say(words.too_long);
  say("");
  picked = [];
  showPicked();
  box.value = "";
  grow();
  if (!chosen.length) return void send({ text: whole });
  for (const [i, file] of chosen.entries()) {
    try {
      // Copied at once: a file that changes or goes away on the device would never finish sending.
      await sendFile(new Blob([await file.arrayBuffer()], { type: file.type }), file.name || "file", i ? "" : whole);
    } catch {
      say(fill(words.empty_file, { name: file.name }));
      if (!i) box.value = text;
    }
  }
});

box.addEventListener("input", grow);
box.addEventListener("keydown", (event) => {
  // On a touch keyboard there is no Shift+Enter, so there Enter stays a new line.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || matchMedia("(hover: none)").matches) return;
  event.preventDefault();
  write.requestSubmit();
});

lines.addEventListener("submit", (event) => {
  event.preventDefault();
  const { choice, label } = event.target.elements;
  log.focus({ preventScroll: true }); // the button is about to be disabled; Tab then finds the next question's
  send({ choice: choice.value, label: label.value }, label.value);
});

$("newest").addEventListener("click", () => { toEnd(); log.focus({ preventScroll: true }); });
log.addEventListener("scroll", look);
addEventListener("scroll", look);
lines.addEventListener("load", () => { if (following) toEnd(); }, true); // a photo that arrives makes its line taller

// --- the place: asked of the device only after a tap and a yes

const locate = $("locate"), place = $("place");
locate.hidden = !navigator.geolocation || !isSecureContext || !place.showModal;
locate.addEventListener("click", () => { place.returnValue = ""; place.showModal(); });
place.addEventListener("close", () => {
  if (place.returnValue !== "send") return;
  say(words.locating);
  navigator.geolocation.getCurrentPosition(
    ({ coords: { latitude, longitude } }) => {
      say("");
      send({ latitude, longitude }, fill(words.place, { latitude: latitude.toFixed(5), longitude: longitude.toFixed(5) }));
    },
    (error) => say(error.code === 1 ? words.location_denied : words.location_failed),
    { enableHighAccuracy: true, timeout: 20000, maximumAge: 60000 },
  );
});

// --- the voice: a script of its own, fetched where there is a microphone to ask for, and a wish to speak

const record = $("record");
let speaking = false; // a second tap while the browser asks for the microphone is no second recording
record.hidden = !navigator.mediaDevices?.getUserMedia || !window.MediaRecorder || !isSecureContext || !$("voice").showModal;
record.addEventListener("click", async () => {
  if (speaking) return;
  speaking = true;
  say("");
  try {
    const voice = await import(record.dataset.script);
    await voice.record($("voice"), words, say, sendFile);
  } catch {
    say(words.mic_failed);
  } finally {
    speaking = false;
  }
});

// --- the rest of the page

const about = $("about");
addEventListener("keydown", (event) => { if (event.key === "Escape" && about.open) { about.open = false; about.querySelector("summary").focus(); } });
addEventListener("click", (event) => { if (!about.contains(event.target)) about.open = false; });
$("leave")?.addEventListener("submit", () => { // on a shared device nothing stays behind
  outbox.all().forEach((message) => outbox.drop(message.id));
  kept.keys().forEach((key) => kept.drop(key));
  box.value = "";
});

for (const line of lines.querySelectorAll(".line")) {
  stamp(line);
  last = Math.max(last, Number(line.dataset.cursor));
}
for (const message of outbox.all()) {
  if (lines.querySelector(`[data-id="${CSS.escape(message.id)}"]`)) outbox.drop(message.id);
  else {
    pend(message);
    if (message.failed) fail(pendingLine(message.id), message);
  }
}
history.scrollRestoration = "manual";
if (last) toEnd();
if (!box.value) box.value = kept.get("draft") ?? "";
grow();
listen();
flush();
