// The live tail of System Log: asks every two seconds for rows with the page's cursor, puts them on top, and says what
// it does: live, paused, waiting (the page is not in view), reconnecting. Polling itself is htmx's; this decides when.
const EVERY = 2000;
const LONGEST = 30000;
const MOST_ROWS = 500;

let timer = null;
let failures = 0;
let paused = false;
let came = 0;

const bar = () => document.querySelector("[data-tail]");
const body = () => document.querySelector("#list tbody");

function show(colour, words) {
  const state = bar()?.querySelector("[data-tail-state]");
  if (!state) return;
  state.className = `status status-${colour} pill`;
  state.querySelector("[data-tail-words]").textContent = words;
}

function describe() {
  const element = bar();
  if (!element) return;
  const button = element.querySelector("[data-tail-toggle]");
  button.setAttribute("aria-pressed", String(!paused));
  button.querySelector("[data-tail-verb]").textContent = paused ? "Resume" : "Pause";
  button.querySelector("[data-tail-icon=pause]").hidden = paused;
  button.querySelector("[data-tail-icon=play]").hidden = !paused;
  if (paused) show("secondary", "Paused");
  else if (failures) show("orange", `Reconnecting… (${failures})`);
  else if (document.hidden) show("secondary", "Waiting");
  else show("green", "Live");
}

function schedule(delay) {
  clearTimeout(timer);
  timer = setTimeout(poll, delay);
}

function poll() {
  const element = bar();
  if (!element || paused || document.hidden) {
    describe();
    return;
  }
  const address = new URL(element.dataset.tail, window.location.href);
  address.searchParams.set("tail", element.dataset.tailCursor);
  const rows = body();
  // Without a table there is nothing to put rows on top of: the first entry brings the whole list.
  const swap = rows ? { target: "#list tbody", swap: "afterbegin" } : { target: element, swap: "none" };
  // What fails is told by the events below; the promise's own rejection would be an error nobody handles.
  window.htmx.ajax("GET", `${address.pathname}${address.search}`, { source: element, ...swap }).catch(() => {});
}

function answered(xhr) {
  const element = bar();
  if (!element) return;
  const cursor = xhr.getResponseHeader("X-Tail-Cursor");
  if (!cursor) {
    failed();
    return;
  }
  const before = failures;
  failures = 0;
  element.dataset.tailCursor = cursor;
  if (xhr.status === 200 && !body()) {
    window.htmx.ajax("GET", element.dataset.tail, { target: "#list", swap: "innerHTML", source: document.body }).catch(() => {});
    return;
  }
  if (xhr.status === 200) arrived(element);
  else if (before) element.querySelector("[data-tail-news]").textContent = "Connected again.";
  describe();
  schedule(EVERY);
}

function arrived(element) {
  const rows = [...body().querySelectorAll("tr[data-row]")];
  const fresh = rows.findIndex((row) => row.dataset.seen !== undefined);
  const count = fresh === -1 ? rows.length : fresh;
  rows.slice(0, count).forEach((row) => { row.dataset.seen = ""; row.classList.add("row-new"); });
  rows.slice(MOST_ROWS).forEach((row) => row.remove());
  came += count;
  element.querySelector("[data-tail-news]").textContent = `${came} new since the page was opened.`;
}

function failed() {
  failures += 1;
  describe();
  schedule(Math.min(LONGEST, EVERY * 2 ** Math.min(failures, 4)));
}

function begin() {
  if (!bar()) return;
  body()?.querySelectorAll("tr[data-row]").forEach((row) => { row.dataset.seen = ""; });
  describe();
  schedule(EVERY);
}

function toggle() {
  paused = !paused;
  describe();
  if (!paused) poll();
}

// Requests of the tail alone; their failures are told by its pill, not by a toast every few seconds.
const mine = (event) => event.detail.elt === bar() && event.detail.requestConfig?.parameters !== undefined
  && String(event.detail.pathInfo?.requestPath ?? event.detail.requestConfig?.path).includes("tail=");

document.body.addEventListener("htmx:afterRequest", (event) => {
  if (!mine(event)) return;
  if (event.detail.successful) answered(event.detail.xhr);
});
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.body.addEventListener(name, (event) => {
    if (!mine(event)) return;
    event.stopPropagation();
    failed();
  });
}
document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id === "list") begin();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-tail-toggle]")) toggle();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "p" || event.ctrlKey || event.metaKey || event.altKey || !bar()) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog")) return;
  toggle();
});
document.addEventListener("visibilitychange", () => {
  describe();
  if (!document.hidden && !paused) schedule(0);
});
begin();
