// The plots of a report: fetched from the address that its place names, drawn anew when htmx brings another period,
// when the theme changes, and fitted when the width does.
import uPlot from "../vendor/uplot.js";

// Beside the top destinations a plot has the height of that list.
const height = (place) => (place.dataset.kind === "traffic" && place.clientWidth > 700 ? 360 : 240);
let plots = [];
let shown = null;

function colours() {
  const dark = document.documentElement.dataset.bsTheme === "dark";
  return {
    answered: dark ? "#69db7c" : "#2b8a3e",
    unanswered: dark ? "#ffa94d" : "#d9700d",
    refused: dark ? "#ff8787" : "#c92a2a",
    in: dark ? "#69db7c" : "#2b8a3e",
    out: dark ? "#ffa94d" : "#d9700d",
    margin: dark ? "#74c0fc" : "#1c7ed6",
    grid: dark ? "#27323c" : "#e3e7ea",
    ink: dark ? "#9aa8b4" : "#5a6570",
  };
}

const LABELS = {
  answered: "Answered", unanswered: "Not answered", refused: "Refused",
  in: "Comes in", out: "Owed", margin: "Margin",
};
const bars = uPlot.paths.bars({ size: [0.8, 28] });

// Days have no time zone of their own: each stands at its place, and its name is written beneath.
function frame(data, unit, paint, series, range) {
  const axis = { stroke: paint.ink, grid: { stroke: paint.grid, width: 1 }, ticks: { stroke: paint.grid } };
  return {
    scales: { x: { time: false, range: () => [-0.6, data.days.length - 0.4] }, y: { range } },
    axes: [
      { ...axis, incrs: [1, 2, 5, 7, 14, 30, 60, 90], space: 70, values: (self, places) => places.map((at) => data.days[at]?.slice(5) ?? "") },
      { ...axis, size: 64 },
    ],
    series: [{ label: "Day", value: (self, at) => data.days[at] ?? "–" }, ...series],
  };
}

const bar = (name, paint, real) => ({
  label: LABELS[name], fill: paint[name], stroke: paint[name], width: 0, paths: bars, points: { show: false },
  value: (self, top, series, at) => (at === null ? "–" : real(at)),
});

// Stacked: each part stands on those before it; drawn from the top, so that none hides another.
function traffic(data, plot, paint) {
  const names = ["answered", "unanswered", "refused"];
  const sums = data.days.map(() => 0);
  const tops = names.map((name) => plot[name].map((value, at) => { sums[at] += value; return sums[at]; }));
  const series = [...names].reverse().map((name) => bar(name, paint, (at) => plot[name][at]));
  const range = (self, low, high) => [0, Math.max(4, Math.ceil(high * 1.1))];
  return [frame(data, plot.unit, paint, series, range), [data.days.map((day, at) => at), ...tops.reverse()]];
}

// What comes in stands above the line, what is owed hangs below it; the margin is drawn over both.
function margin(data, plot, paint) {
  const money = (name) => (at) => plot[name][at].toFixed(2);
  const line = { label: LABELS.margin, stroke: paint.margin, width: 2, points: { show: data.days.length < 40, size: 5, fill: paint.margin } };
  const series = [
    bar("in", paint, money("in")),
    bar("out", paint, money("out")),
    { ...line, value: (self, top, each, at) => (at === null ? "–" : money("margin")(at)) },
  ];
  const low = Math.min(0, ...plot.out, ...plot.margin);
  const high = Math.max(0, ...plot.in, ...plot.margin);
  const room = (high - low || 1) * 0.08;
  const range = () => [low < 0 ? low - room : 0, high > 0 ? high + room : 0];
  return [frame(data, plot.unit, paint, series, range), [data.days.map((day, at) => at), plot.in, plot.out, plot.margin]];
}

function draw(place, data) {
  const paint = colours();
  plots.forEach((plot) => plot.destroy());
  place.replaceChildren();
  plots = data.plots.map((each) => {
    if (place.dataset.kind === "margin") {
      const unit = document.createElement("p");
      unit.className = "plot-unit";
      unit.textContent = each.unit;
      place.append(unit);
    }
    const [options, values] = (place.dataset.kind === "margin" ? margin : traffic)(data, each, paint);
    return new uPlot({ ...options, width: place.clientWidth, height: height(place) }, values, place);
  });
}

async function show(again = false) {
  const place = document.querySelector("[data-report-plot]");
  if (!place || (!again && shown === place)) return;
  shown = place;
  try {
    const answer = await fetch(place.dataset.reportPlot, { headers: { Accept: "application/json" } });
    if (answer.ok && answer.headers.get("Content-Type")?.startsWith("application/json") && place.isConnected) {
      draw(place, await answer.json());
      fitted.disconnect();
      fitted.observe(place);
      return;
    }
  } catch {
    // Said below.
  }
  if (place.isConnected) place.textContent = "The plot could not be loaded; the table has the numbers.";
}

const fitted = new ResizeObserver(([entry]) => {
  plots.forEach((plot) => plot.setSize({ width: entry.target.clientWidth, height: height(entry.target) }));
});
document.addEventListener("htmx:afterSettle", () => show());
new MutationObserver(() => show(true)).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
show();
