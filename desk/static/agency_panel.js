// The work panel: a template fills its text box, a preview stands under it. Without this file both are pages.
for (const link of document.querySelectorAll("a[data-fills]")) {
  link.addEventListener("click", (event) => {
    const box = document.getElementById(link.dataset.fills);
    if (!box || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    // What was typed stays: the template goes where the officer writes.
    const gap = box.value && !box.value.endsWith("\n") ? "\n" : "";
    box.setRangeText(gap + link.dataset.body, box.selectionEnd, box.selectionEnd, "end");
    link.closest("details").open = false;
    box.focus();
  });
}

for (const form of document.querySelectorAll("form[data-previews]")) {
  form.addEventListener("submit", async (event) => {
    if (event.submitter?.value !== "preview") return;
    event.preventDefault();
    const asked = new FormData();
    asked.set("form", form.dataset.form);
    for (const name of ["words", "finished", "agency"]) {
      const value = new FormData(form).get(name);
      if (typeof value === "string") asked.set(name, value);
    }
    const place = document.getElementById(`preview-${form.dataset.form}`);
    try {
      const answer = await fetch(form.dataset.previews, { method: "POST", body: asked, headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const told = await answer.json();
      place.querySelector(".said").replaceChildren(...told.lines.map((line) => {
        const words = document.createElement("p");
        words.className = "words";
        words.textContent = line;
        return words;
      }));
      place.hidden = false;
    } catch {
      plainly(form, event.submitter);
    }
  });
}

// As a page, where it cannot be had here.
function plainly(form, button) {
  const step = document.createElement("input");
  step.type = "hidden";
  step.name = "step";
  step.value = button.value;
  form.append(step);
  form.submit();
}
