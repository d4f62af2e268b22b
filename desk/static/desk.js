// What every page of the desk does: say something in the status line. Pages bring their own scripts.
const line = document.getElementById("status");
let clearing;

// On a phone the rooms scroll in one line: the one that is open is in sight. Only the line itself moves, not the page.
const rooms = document.querySelector(".rooms");
const here = rooms?.querySelector("[aria-current]");
if (here && rooms.scrollWidth > rooms.clientWidth) rooms.scrollLeft = here.offsetLeft - rooms.offsetLeft - 16;

export function say(words) {
  line.textContent = words;
  clearTimeout(clearing);
  clearing = setTimeout(() => { line.textContent = ""; }, 8000);
}
