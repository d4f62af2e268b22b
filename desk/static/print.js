// A button that prints the page. Without scripts it stays away: the browser prints, too.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
