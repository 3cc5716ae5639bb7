// The plots of a report: fetched from the address that its place names, drawn anew when htmx brings another period,
// when the theme changes, and fitted when the width does.
import { axis, bar, colours, numbers, stacked, uPlot, whenThemeChanges } from "./plots.js";

// Beside the top destinations a plot has the height of that list.
const height = (place) => (place.dataset.kind === "traffic" && place.clientWidth > 700 ? 360 : 240);
let plots = [];
let shown = null;

const LABELS = { answered: "Answered", unanswered: "Not answered", refused: "Refused" };

// Days have no time zone of their own: each stands at its place, and its name is written beneath.
function frame(data, paint, series, range) {
  return {
    scales: { x: { time: false, range: () => [-0.6, data.days.length - 0.4] }, y: { range } },
    axes: [
      { ...axis(paint), incrs: [1, 2, 5, 7, 14, 30, 60, 90], space: 70, values: (self, places) => places.map((at) => data.days[at]?.slice(5) ?? "") },
      { ...axis(paint), size: 64 },
    ],
    series: [{ label: "Day", value: (self, at) => data.days[at] ?? "–" }, ...series],
  };
}

const places = (data) => data.days.map((day, at) => at);

function traffic(data, plot, paint) {
  const { series, tops, range } = stacked(Object.keys(LABELS), LABELS, plot, paint);
  return [frame(data, paint, series, range), [places(data), ...tops]];
}

// What comes in stands above the line, what is owed hangs below it; the margin is drawn over both.
function margin(data, plot, paint) {
  const money = (name) => (at) => plot[name][at].toFixed(2);
  const series = [
    bar("Comes in", paint.in, money("in")),
    bar("Owed", paint.out, money("out")),
    {
      label: "Margin", stroke: paint.margin, width: 2, points: { show: data.days.length < 40, size: 5, fill: paint.margin },
      value: (self, top, each, at) => (at === null ? "–" : money("margin")(at)),
    },
  ];
  const low = Math.min(0, ...plot.out, ...plot.margin);
  const high = Math.max(0, ...plot.in, ...plot.margin);
  const room = (high - low || 1) * 0.08;
  const range = () => [low < 0 ? low - room : 0, high > 0 ? high + room : 0];
  return [frame(data, paint, series, range), [places(data), plot.in, plot.out, plot.margin]];
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
  const data = await numbers(place.dataset.reportPlot);
  if (!place.isConnected) return;
  if (data) {
    draw(place, data);
    fitted.disconnect();
    fitted.observe(place);
  } else {
    place.textContent = "The plot could not be loaded; the table has the numbers.";
  }
}

const fitted = new ResizeObserver(([entry]) => {
  plots.forEach((plot) => plot.setSize({ width: entry.target.clientWidth, height: height(entry.target) }));
});
document.addEventListener("htmx:afterSettle", () => show());
whenThemeChanges(() => show(true));
show();
