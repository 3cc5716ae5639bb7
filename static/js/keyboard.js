// "/" search, "j"/"k" rows, Enter opens, "x" ticks, "?" help. Never while typing, never with a modifier.
const rows = () => [...document.querySelectorAll("main tr[data-row]")];
const typing = (element) => element.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog");

let current = null;

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(current);
  const next = all[Math.min(Math.max(at === -1 ? (step > 0 ? 0 : all.length - 1) : at + step, 0), all.length - 1)];
  current?.classList.remove("row-current");
  current = next;
  next.classList.add("row-current");
  const link = next.querySelector("a[data-row-link], a");
  if (link) link.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape" && document.activeElement?.matches("[data-search]")) {
    document.activeElement.blur();
    return;
  }
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  switch (event.key) {
    case "/": {
      const search = document.querySelector("[data-search]");
      if (!search) return;
      search.focus();
      search.select();
      break;
    }
    case "j": move(1); break;
    case "k": move(-1); break;
    case "x": {
      const box = current?.querySelector("input[name=pk]");
      if (!box) return;
      box.click();
      break;
    }
    case "Enter": {
      // A link or button that has the focus answers by itself.
      if (event.target !== document.body || !current) return;
      current.querySelector("a[data-row-link]")?.click();
      break;
    }
    case "?": document.getElementById("keyboard-help").showModal(); break;
    default: return;
  }
  event.preventDefault();
});

document.addEventListener("htmx:afterSwap", () => { if (current && !current.isConnected) current = null; });
