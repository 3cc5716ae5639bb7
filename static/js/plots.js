// What the plots of the portal share: colours of the theme in force, stacked bars, and when to draw anew.
import uPlot from "../vendor/uplot.js";

export function colours() {
  const dark = document.documentElement.dataset.bsTheme === "dark";
  const [green, orange, red, blue] = dark ? ["#69db7c", "#ffa94d", "#ff8787", "#74c0fc"] : ["#2b8a3e", "#d9700d", "#c92a2a", "#1c7ed6"];
  return {
    answered: green, unanswered: orange, refused: red, in_progress: blue,
    in: green, out: orange, margin: blue,
    grid: dark ? "#27323c" : "#e3e7ea",
    ink: dark ? "#9aa8b4" : "#5a6570",
  };
}

const bars = uPlot.paths.bars({ size: [0.8, 28] });

export const axis = (paint) => ({ stroke: paint.ink, grid: { stroke: paint.grid, width: 1 }, ticks: { stroke: paint.grid } });

// The legend says what `real` gives at a place, where it may be other than the height drawn there.
export const bar = (label, colour, real) => ({
  label, fill: colour, stroke: colour, width: 0, paths: bars, points: { show: false },
  value: (self, top, series, at) => (at === null ? "–" : real(at)),
});

// Each part stands on those before it; drawn from the top, so that none hides another.
export function stacked(names, labels, counts, paint) {
  const sums = counts[names[0]].map(() => 0);
  const tops = names.map((name) => counts[name].map((value, at) => { sums[at] += value; return sums[at]; }));
  return {
    series: [...names].reverse().map((name) => bar(labels[name], paint[name], (at) => counts[name][at])),
    tops: tops.reverse(),
    range: (self, low, high) => [0, Math.max(4, Math.ceil(high * 1.1))],
  };
}

// The JSON at an address; null where the portal does not answer with any.
export async function numbers(address) {
  try {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    const told = answer.ok && answer.headers.get("Content-Type")?.startsWith("application/json");
    return told ? await answer.json() : null;
  } catch {
    return null;
  }
}

export function whenThemeChanges(draw) {
  new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
}

export { uPlot };
