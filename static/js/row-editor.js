// A row that is edited where it stands: focus goes in and comes back, Escape cancels, "e" opens the current row.
document.addEventListener("htmx:load", (event) => {
  const row = event.detail.elt;
  if (!(row instanceof HTMLTableRowElement)) return;
  if (row.matches("[data-row-editor]")) {
    const field = row.querySelector(".is-invalid") || row.querySelector("input[name=rate_minute]");
    field?.focus();
    field?.select?.();
  } else if (row.matches("[data-row]")) {
    row.querySelector("[data-row-edit]")?.focus({ preventScroll: true });
  }
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const editor = event.target.closest("[data-row-editor]");
  if (event.key === "Escape" && editor) {
    editor.querySelector("[data-row-cancel]").click();
    event.preventDefault();
  } else if (event.key === "e" && !event.target.closest("input, textarea, select, dialog")) {
    const row = document.querySelector("tr.row-current") || event.target.closest("tr[data-row]");
    const edit = row?.querySelector("[data-row-edit]");
    if (!edit) return;
    edit.click();
    event.preventDefault();
  }
});
