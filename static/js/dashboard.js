// The dashboard: its figures by htmx every five seconds while the page is in view, its plot by uPlot from JSON.
import uPlot from "../vendor/uplot.js";

const EVERY = 5000;
const PLOT_EVERY = 60000;
const OUTCOMES = ["answered", "unanswered", "refused", "in_progress"];

const live = document.getElementById("dashboard");
const place = document.getElementById("calls-plot");
let plot = null;

function colours() {
  const dark = document.documentElement.dataset.bsTheme === "dark";
  return {
    answered: dark ? "#69db7c" : "#2b8a3e",
    unanswered: dark ? "#ffa94d" : "#d9700d",
    refused: dark ? "#ff8787" : "#c92a2a",
    in_progress: dark ? "#74c0fc" : "#1c7ed6",
    grid: dark ? "#27323c" : "#e3e7ea",
    ink: dark ? "#9aa8b4" : "#5a6570",
  };
}

const bars = uPlot.paths.bars({ size: [0.8, 24] });

// Stacked: each outcome stands on the ones before it; drawn from the top, so that none hides another.
function stacked(data) {
  const sums = data.times.map(() => 0);
  return OUTCOMES.map((name) => data[name].map((value, at) => { sums[at] += value; return sums[at]; }));
}

function draw(data) {
  const paint = colours();
  const tops = stacked(data);
  const reversed = [...OUTCOMES].reverse();
  const axis = { stroke: paint.ink, grid: { stroke: paint.grid, width: 1 }, ticks: { stroke: paint.grid } };
  const options = {
    width: place.clientWidth,
    height: 260,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.zone),
    scales: { x: { time: true, range: (self, first, last) => [first - 450, last + 450] }, y: { range: (self, low, high) => [0, Math.max(4, Math.ceil(high * 1.1))] } },
    axes: [
      { ...axis, values: [[3600, "{HH}:{mm}", null, null, null, null, null, null, 1], [60, "{HH}:{mm}", null, null, null, null, null, null, 1]] },
      { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000], size: 48 },
    ],
    series: [
      { label: "Time", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" },
      ...reversed.map((name) => ({
        label: data.labels[name],
        fill: paint[name],
        stroke: paint[name],
        width: 0,
        paths: bars,
        points: { show: false },
        value: (self, top, series, at) => (at === null ? "–" : data[name][at]),
      })),
    ],
  };
  plot?.destroy();
  place.replaceChildren();
  plot = new uPlot(options, [data.times, ...[...tops].reverse()], place);
}

async function refreshPlot() {
  try {
    const answer = await fetch(place.dataset.plot, { headers: { Accept: "application/json" } });
    if (answer.ok && answer.headers.get("Content-Type")?.startsWith("application/json")) draw(await answer.json());
  } catch {
    // The figures above say that the portal does not answer; the plot keeps what it had.
  }
}

if (live && place) {
  setInterval(() => { if (!document.hidden) window.htmx.trigger(live, "dashboard-due"); }, EVERY);
  setInterval(() => { if (!document.hidden) refreshPlot(); }, PLOT_EVERY);
  // A failed refresh is said once in its place, not by a message every five seconds.
  let failing = false;
  for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    live.addEventListener(name, (event) => {
      if (failing) event.stopPropagation();
      failing = true;
    });
  }
  live.addEventListener("htmx:afterSwap", () => { failing = false; });
  new ResizeObserver(() => plot?.setSize({ width: place.clientWidth, height: 260 })).observe(place);
  new MutationObserver(refreshPlot).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
  refreshPlot();
}
