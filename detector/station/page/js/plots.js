// Plots of the History screen. uPlot is loaded when the first one is drawn.

import { h } from "./dom.js";
import { clockTime, currentLanguage, named, t } from "./words.js";

let loading = null;

export function loadPlots() {
  loading ??= new Promise((resolve, reject) => {
    document.head.append(h("link", { rel: "stylesheet", href: "/static/vendor/uplot/uPlot.min.css" }));
    const script = h("script", { src: "/static/vendor/uplot/uPlot.iife.min.js" });
    script.addEventListener("load", () => resolve(window.uPlot));
    script.addEventListener("error", () => reject(new Error("uPlot")));
    document.head.append(script);
  });
  return loading;
}

/** Greys and hatches first: a plot of the past is no alarm, so nothing in it is red. */
export const SERIES = {
  gas: { stroke: "#23282c", fill: "#23282c" },
  battery: { stroke: "#23282c", fill: "#6c757c" },
  overload: { stroke: "#23282c", fill: "#a3abb1" },
  jam: { stroke: "#23282c", fill: "#3f6a8c" },
  belt_stopped: { stroke: "#23282c", fill: "#8fb3cc" },
  vision_unavailable: { stroke: "#23282c", fill: "#e2e5e7" },
};
/** EEMUA-191, alarms an hour: one in ten minutes is the goal, two manageable, five excessive. */
export const EEMUA = [
  [6, "eemua.goal"],
  [12, "eemua.manageable"],
  [30, "eemua.excessive"],
];

/** Stacked bars of calls, with the EEMUA lines where the bars are hours. */
export async function ratePlot(box, { times, byHazard, hours, stepS }) {
  const UPlot = await loadPlots();
  const names = Object.keys(byHazard);
  const stacked = [];
  names.forEach((name, index) => {
    stacked.push(byHazard[name].map((value, at) => value + (index ? stacked[index - 1][at] : 0)));
  });
  // Drawn from the top of the stack down, so that each shows its own part.
  const order = names.map((_, index) => index).reverse();
  const top = Math.max(1, ...(stacked.at(-1) || [0]));
  const limits = hours ? EEMUA.filter(([limit]) => limit <= Math.max(7, top * 1.6)) : [];
  const bars = UPlot.paths.bars({ size: [0.8, 60], align: 1 });
  const options = {
    ...common(box, 260),
    series: [
      {},
      ...order.map((index) => ({
        label: named("hazard", names[index]),
        paths: bars,
        points: { show: false },
        width: 1,
        ...SERIES[names[index]],
      })),
    ],
    scales: {
      x: { range: () => [times[0], times.at(-1) + stepS] },
      y: { range: () => [0, Math.max(top * 1.1, ...limits.map(([limit]) => limit * 1.15))] },
    },
    axes: axes(t("plots.rate_axis")),
    hooks: { draw: [(plot) => drawLimits(plot, limits)] },
  };
  draw(UPlot, box, options, [times, ...order.map((index) => stacked[index])]);
}

/** Answer times as dots. */
export async function answerPlot(box, { times, seconds, since, until }) {
  const UPlot = await loadPlots();
  const top = Math.max(10, ...seconds);
  const options = {
    ...common(box, 220),
    series: [
      {},
      {
        label: t("plots.answer_axis"),
        paths: () => null,
        points: { show: true, size: 8, fill: "#6c757c", stroke: "#23282c" },
      },
    ],
    scales: { x: { range: () => [since, until] }, y: { range: () => [0, top * 1.1] } },
    axes: axes(t("plots.answer_axis")),
  };
  draw(UPlot, box, options, [times, seconds]);
}

function draw(UPlot, box, options, data) {
  box.plot?.destroy();
  box.plot = new UPlot(options, data, box);
  box.observer ??= new ResizeObserver(() => {
    const width = Math.floor(box.clientWidth);
    if (width > 0 && box.plot.width !== width) box.plot.setSize({ width, height: options.height });
  });
  box.observer.observe(box);
}

function common(box, height) {
  return {
    width: Math.max(240, Math.floor(box.clientWidth)),
    height,
    legend: { show: false },
    cursor: { show: false },
    tzDate: (s) => new Date(s * 1000),
  };
}

function axes(label) {
  const style = { stroke: "#16181a", grid: { stroke: "#9aa1a6", width: 1 }, font: "13px sans-serif" };
  return [
    { ...style, values: (_, times) => times.map(axisTime) },
    { ...style, label, labelFont: "13px sans-serif", size: 48 },
  ];
}

function axisTime(seconds) {
  const at = new Date(seconds * 1000);
  if (at.getHours() === 0 && at.getMinutes() === 0) {
    const locale = currentLanguage() === "fr" ? "fr-FR" : "en-GB";
    return at.toLocaleDateString(locale, { day: "2-digit", month: "2-digit" });
  }
  return clockTime(seconds * 1000, false);
}

function drawLimits(plot, limits) {
  const { ctx, bbox } = plot;
  const ratio = window.devicePixelRatio || 1;
  ctx.save();
  ctx.strokeStyle = "#16181a";
  ctx.fillStyle = "#16181a";
  ctx.font = `${12 * ratio}px sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.setLineDash([6 * ratio, 4 * ratio]);
  for (const [limit, key] of limits) {
    const y = plot.valToPos(limit, "y", true);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.fillText(t(key), bbox.left + 6 * ratio, y - 4 * ratio);
  }
  ctx.restore();
}
