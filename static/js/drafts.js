// A form sent after the session had ended: what was typed waits in this tab until the same person has logged in again.
// Passwords and hidden fields are never kept; any other page in between forgets the draft.
const KEY = "voipbilling-draft";
const LOG_IN = /^\/account\/(login|two-factor\/authenticate|reauthenticate)\//;

// Not form.action, which is a field where one has that name.
function pathOf(form) {
  return new URL(form.getAttribute("action") || "", location.href).pathname;
}

function typed(form) {
  return [...form.elements]
    .filter((field) => field.name && !["hidden", "password", "file", "submit", "button"].includes(field.type))
    .filter((field) => !["checkbox", "radio"].includes(field.type) || field.checked)
    .flatMap((field) => (field.multiple && field.options ? [...field.selectedOptions].map((one) => [field.name, one.value]) : [[field.name, field.value]]));
}

function fill(form, pairs) {
  for (const field of form.elements) {
    if (!field.name || ["hidden", "password", "file", "submit", "button"].includes(field.type)) continue;
    const values = pairs.filter(([name]) => name === field.name).map(([, value]) => value);
    if (["checkbox", "radio"].includes(field.type)) field.checked = values.includes(field.value);
    else if (field.multiple && field.options) for (const option of field.options) option.selected = values.includes(option.value);
    else if (values.length) field.value = values[0];
  }
}

function say(form) {
  const note = document.createElement("div");
  note.className = "alert alert-info";
  note.setAttribute("role", "status");
  note.textContent = "You had been logged out. What you typed is here again; nothing has been saved yet.";
  form.before(note);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("method") !== "post" || LOG_IN.test(location.pathname) || !form.closest("#content")) return;
  const pairs = typed(form);
  if (!pairs.length) return;
  sessionStorage.setItem(KEY, JSON.stringify({ path: pathOf(form), user: document.body.dataset.user, pairs }));
}, true);

const draft = JSON.parse(sessionStorage.getItem(KEY) || "null");
if (draft && LOG_IN.test(location.pathname)) {
  sessionStorage.setItem(KEY, JSON.stringify({ ...draft, loggedOut: true }));
} else if (draft) {
  sessionStorage.removeItem(KEY);
  const form = [...document.querySelectorAll("#content form[method=post]")].find((one) => pathOf(one) === draft.path && typed(one).length);
  if (form && draft.loggedOut && draft.user === document.body.dataset.user) {
    fill(form, draft.pairs);
    say(form);
  }
}
