// A short note in the corner that goes by itself.
export function toast(text, kind = "info") {
  const template = document.getElementById("toast-template");
  const place = document.getElementById("toasts");
  if (!template || !place) return;
  const note = template.content.firstElementChild.cloneNode(true);
  note.querySelector(".toast-body").textContent = text;
  note.classList.add(`toast-${kind}`);
  if (kind === "error") note.setAttribute("role", "alert");
  place.append(note);
  const shown = new window.tabler.Toast(note, { delay: kind === "error" ? 10000 : 2500 });
  note.addEventListener("hidden.bs.toast", () => note.remove());
  shown.show();
}
