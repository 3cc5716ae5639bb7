// The dashboard: its figures by htmx every five seconds while the page is in view, its plot by uPlot from JSON.
import { axis, colours, numbers, stacked, uPlot, whenThemeChanges } from "./plots.js";

const EVERY = 5000;
const PLOT_EVERY = 60000;
const OUTCOMES = ["answered", "unanswered", "refused", "in_progress"];

const live = document.getElementById("dashboard");
const place = document.getElementById("calls-plot");
let plot = null;

function draw(data) {
  const paint = colours();
  const { series, tops, range } = stacked(OUTCOMES, data.labels, data, paint);
  const options = {
    width: place.clientWidth,
    height: 260,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.zone),
    scales: { x: { time: true, range: (self, first, last) => [first - 450, last + 450] }, y: { range } },
    axes: [
      { ...axis(paint), values: [[3600, "{HH}:{mm}", null, null, null, null, null, null, 1], [60, "{HH}:{mm}", null, null, null, null, null, null, 1]] },
      { ...axis(paint), incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000], size: 48 },
    ],
    series: [{ label: "Time", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" }, ...series],
  };
  plot?.destroy();
  place.replaceChildren();
  plot = new uPlot(options, [data.times, ...tops], place);
}

async function refreshPlot() {
  const data = await numbers(place.dataset.plot);
  // Where there is none, the figures above say that the portal does not answer; the plot keeps what it had.
  if (data) draw(data);
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
  whenThemeChanges(refreshPlot);
  refreshPlot();
}
