// A row that is edited where it stands: focus goes in and comes back, Escape cancels, "e" opens the current row.
document.addEventListener("htmx:load", (event) => {
  const row = event.detail.elt;
  if (!(row instanceof HTMLTableRowElement)) return;
  if (row.matches("[data-row-editor]")) {
    const field = row.querySelector(".is-invalid") || row.querySelector("input[name=rate_minute]");
    field?.focus();
    field?.select?.();
  } else if (row.matches("[data-row]")) {
    align(row);
    row.querySelector("[data-row-edit]")?.focus({ preventScroll: true });
  }
});

// A row that comes back alone has as many decimals as it needs; the amounts above and below it may have more, or fewer.
function align(row) {
  for (const cell of row.cells) {
    if (!cell.querySelector(".num > .unit")) continue;
    const amounts = [...row.parentElement.rows].map((one) => one.cells[cell.cellIndex]?.querySelector(".num > .unit"))
      .filter(Boolean).map((unit) => unit.previousSibling);
    const most = Math.max(...amounts.map((text) => /\.\d*/.exec(text.data)?.[0].length ?? 0));
    for (const text of amounts) text.data = text.data.replace(/\.\d*/, (decimals) => decimals.padEnd(most, "0"));
  }
}

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
