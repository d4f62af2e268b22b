// One recording in its dialog: speak, listen to it, then send it or not.

const LONGEST = 180; // seconds
const SOUNDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"]; // the first that the browser can make
const REFUSED = { NotAllowedError: "mic_denied", SecurityError: "mic_denied", NotFoundError: "mic_missing" };
const clock = (seconds) => `${Math.floor(seconds / 60)}.${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

// Opens the dialog and returns when it has closed. `say` tells what went wrong; `send` takes the sound and its name.
export async function record(dialog, words, say, send) {
  let microphone;
  try {
    microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (error) {
    return say(words[REFUSED[error.name] ?? "mic_failed"]);
  }
  const $ = (id) => dialog.querySelector("#voice-" + id);
  const text = $("text"), time = $("time"), heard = $("heard"), next = $("next");
  const parts = [], mimeType = SOUNDS.find((kind) => MediaRecorder.isTypeSupported(kind));
  const recorder = new MediaRecorder(microphone, { mimeType, audioBitsPerSecond: 32000 });
  const began = Date.now(), spoken = () => Math.min((Date.now() - began) / 1000, LONGEST);
  let sound = null, full = false;

  const tick = setInterval(() => {
    time.textContent = `${clock(spoken())} / ${clock(LONGEST)}`;
    if (spoken() >= LONGEST && recorder.state !== "inactive") { full = true; recorder.stop(); }
  }, 200);
  const forward = (event) => {
    if (sound) return; // then the button sends, as the dialog's form does
    event.preventDefault();
    if (recorder.state !== "inactive") recorder.stop();
  };
  next.addEventListener("click", forward);
  next.textContent = words.record_stop;
  text.textContent = words.recording;
  time.textContent = `${clock(0)} / ${clock(LONGEST)}`;
  time.hidden = false;
  heard.hidden = true;
  dialog.returnValue = "";

  recorder.ondataavailable = ({ data }) => { if (data.size) parts.push(data); };
  recorder.onstop = () => {
    clearInterval(tick);
    microphone.getTracks().forEach((track) => track.stop()); // the browser's red light goes out
    sound = new Blob(parts, { type: recorder.mimeType });
    if (!dialog.open) return;
    if (!sound.size) { dialog.close(); return say(words.mic_failed); }
    heard.src = URL.createObjectURL(sound);
    heard.hidden = false;
    time.hidden = true;
    next.textContent = words.record_send;
    text.textContent = full ? words.record_full : words.record_ready;
  };
  recorder.start(1000);
  dialog.showModal();
  next.focus();

  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  next.removeEventListener("click", forward);
  if (recorder.state !== "inactive") recorder.stop();
  URL.revokeObjectURL(heard.src);
  heard.removeAttribute("src");
  if (dialog.returnValue === "send" && sound?.size) await send(sound, `${words.record_name}.${sound.type.includes("mp4") ? "m4a" : "webm"}`);
}
