// What the admin's attributes would do if the policy let them: choosing a page's size, and columns.
document.addEventListener("change", (event) => {
  const chosen = event.target.closest("select[data-onchange]");
  if (chosen) window.location = chosen.value;
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-onclick='applyColumnVisibility()']")) window.applyColumnVisibility();
});
