// Choosing rows of a list that is searched meanwhile: what was ticked stays chosen while other rows are shown.
const form = document.querySelector("[data-choose]");

const boxes = () => [...document.querySelectorAll("#list input[name=pk]")];
const kept = () => [...form.querySelectorAll("input[data-kept]")];

function keep(value) {
  const input = document.createElement("input");
  Object.assign(input, { type: "hidden", name: "pk", value });
  input.dataset.kept = "";
  form.append(input);
}

function count() {
  const hidden = kept().length;
  const total = boxes().filter((box) => box.checked).length + hidden;
  const words = total === 0 ? "Nothing chosen yet" : `${total} chosen`;
  form.querySelector("[data-chosen-words]").textContent = hidden ? `${words}, ${hidden} of them not shown` : words;
}

if (form) {
  document.addEventListener("change", (event) => {
    if (event.target.closest("#list")) queueMicrotask(count);
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "list" || !event.detail.shouldSwap) return;
    for (const box of boxes()) if (box.checked) keep(box.value);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "list") return;
    const shown = new Map(boxes().map((box) => [box.value, box]));
    for (const input of kept()) {
      const box = shown.get(input.value);
      if (!box) continue;
      box.checked = true;
      input.remove();
    }
    count();
  });
  window.addEventListener("pageshow", count);
}
