// Forms opened inside a tab: focus goes in, "Cancel" and Escape take them away; a failed request is never silent.
import { toast } from "./toast.js";

document.addEventListener("htmx:afterSwap", (event) => {
  const slot = event.detail.target;
  if (slot.id !== "tab-form") return;
  const wrong = slot.querySelector(".is-invalid");
  (wrong || slot.querySelector("input:not([type=hidden]), select, textarea"))?.focus();
  slot.scrollIntoView({ block: "nearest" });
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-close-fragment]")) return;
  event.preventDefault();
  document.getElementById("tab-form").replaceChildren();
});

document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  if (status === 401) return; // The page reloads into the log-in form.
  if (status === 403) toast("Your role does not allow this.", "error");
  else if (status === 404) toast("It is no longer there. Reload the page.", "error");
  else toast(`The portal could not do this (error ${status}). Nothing was changed.`, "error");
});

document.addEventListener("htmx:sendError", () => {
  toast("The portal does not answer. Check the connection and try again.", "error");
});
