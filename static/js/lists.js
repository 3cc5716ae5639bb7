// Lists: ticking rows shows the bulk bar; choosing columns changes the address; a search keeps its caret.
function update() {
  const bar = document.querySelector("[data-bulk]");
  if (!bar) return;
  const ticked = document.querySelectorAll("input[name=pk]:checked").length;
  bar.hidden = ticked === 0;
  bar.querySelector("[data-bulk-count]").textContent = String(ticked);
  const head = document.querySelector("[data-select-all]");
  const all = document.querySelectorAll("input[name=pk]").length;
  if (head) {
    head.checked = ticked > 0 && ticked === all;
    head.indeterminate = ticked > 0 && ticked < all;
  }
}

// The columns of each list, in one cookie that the server reads; the oldest choices make room (4 kB is all there is).
const REMEMBERED = 20;

function remember(page, columns) {
  const cookie = document.cookie.split("; ").find((part) => part.startsWith("columns="));
  let chosen = {};
  try {
    chosen = JSON.parse(decodeURIComponent(cookie?.slice("columns=".length) ?? "%7B%7D"));
  } catch {
    chosen = {};
  }
  delete chosen[page];
  if (columns) chosen[page] = columns;
  const kept = Object.fromEntries(Object.entries(chosen).slice(-REMEMBERED));
  document.cookie = `columns=${encodeURIComponent(JSON.stringify(kept))}; path=/; max-age=31536000; samesite=lax`;
}

document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.matches("[data-select-all]")) {
    document.querySelectorAll("input[name=pk]").forEach((each) => { each.checked = box.checked; });
    update();
  } else if (box.matches("input[name=pk]")) {
    update();
  } else if (box.matches("[data-column]")) {
    const menu = box.closest("[data-columns]");
    const columns = [...menu.querySelectorAll("[data-column]:checked")].map((each) => each.dataset.column);
    const address = new URL(window.location.href);
    remember(menu.dataset.columns, columns.join(","));
    // The address says it too, so that it can be sent to somebody.
    address.searchParams.set("columns", columns.join(","));
    window.location.assign(address);
  }
});

document.addEventListener("click", (event) => {
  const reset = event.target.closest("[data-columns-reset]");
  if (reset) remember(reset.closest("[data-columns]").dataset.columns, "");
});

// Empty filters would make an address nobody wants to share.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt.id !== "filters") return;
  const sent = event.detail.formData;
  for (const [name, value] of [...sent.entries()]) if (value === "") sent.delete(name);
});

let searched = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  const box = document.activeElement;
  searched = event.detail.target.id === "list" && box?.matches("[data-search]")
    ? { text: box.value, start: box.selectionStart, end: box.selectionEnd }
    : null;
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "list") return;
  update();
  if (!searched) return;
  const box = document.querySelector("[data-search]");
  if (!box) return;
  // What was typed while the answer was on its way stays.
  box.value = searched.text;
  box.focus();
  box.setSelectionRange(searched.start, searched.end);
});

// The browser's back button may bring a page back with its boxes still ticked.
window.addEventListener("pageshow", update);
