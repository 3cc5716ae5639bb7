// A form with data-confirm asks first, in a dialog that names what will happen.
const dialog = () => document.getElementById("confirm-dialog");

document.addEventListener("submit", (event) => {
  const form = event.target;
  const words = event.submitter?.dataset.confirm || form.dataset.confirm;
  if (!words || form.dataset.confirmed === "yes") return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const box = dialog();
  const submitter = event.submitter;
  document.getElementById("confirm-words").textContent = words;
  box.returnValue = "no";
  box.addEventListener("close", () => {
    if (box.returnValue !== "yes") return;
    form.dataset.confirmed = "yes";
    form.requestSubmit(submitter ?? undefined);
    delete form.dataset.confirmed;
  }, { once: true });
  box.showModal();
}, true);

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-help]")) document.getElementById("keyboard-help").showModal();
  // A click on the backdrop reaches the dialog itself.
  if (event.target instanceof HTMLDialogElement && event.target.open) event.target.close("no");
});
