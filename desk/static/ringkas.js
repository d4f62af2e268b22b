// An upload shows how much of it is sent; the page of an import shows how far it is, and what it has become.
const form = document.getElementById("upload");
const waiting = document.getElementById("import");
const bar = document.getElementById("progress");
const line = document.getElementById("says");

function told(problem) {
  const place = document.getElementById("problem");
  place.textContent = problem;
  place.hidden = false;
  document.getElementById("sending").hidden = true;
  form.querySelector("button").disabled = false;
}

function send(event) {
  event.preventDefault();
  const [file] = form.elements.file.files;
  if (!file) return;
  if (file.size > Number(form.dataset.largest)) return told(form.dataset.tooLarge);
  const sent = document.getElementById("sent");
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", (each) => { if (each.lengthComputable) sent.value = each.loaded / each.total; });
  request.addEventListener("error", () => told(form.dataset.cut));
  request.addEventListener("load", () => {
    let answer = {};
    try {
      answer = JSON.parse(request.responseText);
    } catch {
      // not ours: the session has ended, or the server is in trouble; a plain form finds out
    }
    if (answer.go) location.assign(answer.go);
    else if (answer.problem) told(answer.problem);
    else form.submit();
  });
  document.getElementById("problem").hidden = true;
  document.getElementById("sending").hidden = false;
  form.querySelector("button").disabled = true;
  request.send(new FormData(form));
}

async function look() {
  let found;
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    found = await answer.json();
  } catch {
    return; // no connection: it is asked again
  }
  if (found.state !== waiting.dataset.state) location.reload();
  else if (found.all) {
    bar.max = found.all;
    bar.value = Math.min(found.done, found.all);
    if (line) line.textContent = line.dataset.says.replace("{done}", found.done).replace("{all}", found.all);
  }
}

form?.addEventListener("submit", send);
if (bar) setInterval(look, 1500);
