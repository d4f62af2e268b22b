// What every page of the desk does: say something in the status line. Pages bring their own scripts.
const line = document.getElementById("status");
let clearing;

export function say(words) {
  line.textContent = words;
  clearTimeout(clearing);
  clearing = setTimeout(() => { line.textContent = ""; }, 8000);
}
