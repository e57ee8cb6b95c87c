// Rates, answer times and false alarms of a period.

import { get, rowsOf } from "./api.js";
import { h, s } from "./dom.js";
import { answerPlot, ratePlot, SERIES } from "./plots.js";
import { duration, named, number, t } from "./words.js";

const toS = (ns) => Number(ns) / 1e9;

export async function trends(app, root, { line, since, until, hours }) {
  const by = hours > 48 ? "day" : "hour";
  const rates = section(t("plots.rate_title"));
  const answers = section(t("plots.answer_title"));
  const falseOnes = section(t("plots.false_title"));
  root.replaceChildren(rates.element, answers.element, falseOnes.element);
  const asked = { line, since, until };
  await Promise.all([
    guarded(app, rates, async () => {
      const rows = rowsOf(await get("/api/rates", { ...asked, by }), "rates");
      await drawRates(rates, rows, { since: toS(since), until: toS(until), by });
    }),
    guarded(app, answers, async () => {
      const rows = rowsOf(await get("/api/answer-times", asked), "answer_times");
      await drawAnswers(answers, rows, toS(since), toS(until));
    }),
    guarded(app, falseOnes, async () => {
      drawFalse(falseOnes, rowsOf(await get("/api/false-alarms", asked), "false_alarms"));
    }),
  ]);
}

function section(title) {
  const words = h("p", { class: "plot-words" });
  const box = h("div", { class: "plot", role: "img" });
  const element = h("section", { class: "plot-section" }, h("h2", {}, title), words, box);
  return { element, words, box };
}

async function guarded(app, part, work) {
  try {
    await work();
  } catch (failure) {
    part.words.textContent = app.reasonOf(failure);
  }
}

async function drawRates(part, rows, { since, until, by }) {
  const total = rows.reduce((sum, each) => sum + each.calls, 0);
  const perHour = total / Math.max(1, (until - since) / 3600);
  part.words.textContent = t("plots.rate_words", { n: total, rate: number(perHour, 1) });
  part.box.setAttribute("aria-label", part.words.textContent);
  if (!rows.length) return;
  const stepS = by === "hour" ? 3600 : 86400;
  const first = Math.min(...rows.map((each) => toS(each.t_from_ns)));
  // The stations' own hours; those before the first row are empty.
  const start = first - Math.ceil((first - since) / stepS) * stepS;
  const times = [];
  for (let at = start; at < until; at += stepS) times.push(at);
  const byHazard = {};
  for (const each of rows) {
    const index = Math.round((toS(each.t_from_ns) - start) / stepS);
    byHazard[each.hazard] ??= times.map(() => 0);
    if (index >= 0 && index < times.length) byHazard[each.hazard][index] += each.calls;
  }
  part.element.append(legend(Object.keys(byHazard)));
  await ratePlot(part.box, { times, byHazard, hours: by === "hour", stepS });
}

function legend(names) {
  return h(
    "ul",
    { class: "legend" },
    names.map((name) =>
      h(
        "li",
        {},
        s(
          "svg",
          { viewBox: "0 0 12 12", "aria-hidden": "true" },
          s("rect", { width: 12, height: 12, fill: SERIES[name]?.fill || "#6c757c", stroke: "#23282c" }),
        ),
        named("hazard", name),
      ),
    ),
  );
}

async function drawAnswers(part, rows, since, until) {
  if (!rows.length) {
    part.words.textContent = t("plots.answer_none");
    return;
  }
  const sorted = rows.map((each) => each.answer_s).sort((a, b) => a - b);
  const at = (share) => duration(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] * 1000);
  part.words.textContent = t("plots.answer_words", { n: rows.length, p50: at(0.5), p95: at(0.95) });
  part.box.setAttribute("aria-label", part.words.textContent);
  await answerPlot(part.box, {
    times: rows.map((each) => toS(each.t_called_ns)),
    seconds: rows.map((each) => each.answer_s),
    since,
    until,
  });
}

/** Bars by what the alarms were raised as, divided by what they were answered to be. */
function drawFalse(part, rows) {
  if (!rows.length) {
    part.words.textContent = t("plots.false_none");
    return;
  }
  const wrong = rows.reduce((sum, each) => sum + each.false_alarm, 0);
  const all = rows.reduce((sum, each) => sum + each.removed + each.false_alarm + each.not_found, 0);
  part.words.textContent = t("plots.false_words", { n: wrong, all });
  part.box.removeAttribute("role");
  const most = Math.max(...rows.map((each) => each.removed + each.false_alarm + each.not_found));
  part.box.append(
    h(
      "table",
      { class: "false-table" },
      h("thead", {}, h("tr", {}, head(t("plots.raised_as")), head(""), head(named("answer", "false_alarm")), head(named("answer", "removed")), head(named("answer", "not_found")))),
      h(
        "tbody",
        {},
        rows.slice(0, 15).map((each) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, each.kind ? named("kind", each.kind) : named("hazard", each.hazard)),
            h("td", { class: "false-bar" }, bars(each, most)),
            h("td", {}, String(each.false_alarm)),
            h("td", {}, String(each.removed)),
            h("td", {}, String(each.not_found)),
          ),
        ),
      ),
    ),
  );
}

const head = (words) => (words ? h("th", { scope: "col" }, words) : h("td", {}));

function bars(each, most) {
  let x = 0;
  const part = (value, fill) => {
    const width = (value / most) * 100;
    const rect = s("rect", { x, width, height: 10, fill, stroke: "#23282c", "stroke-width": 0.4 });
    x += width;
    return rect;
  };
  const parts = [part(each.false_alarm, "#23282c"), part(each.removed, "#a3abb1"), part(each.not_found, "#fff")];
  return s("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" }, parts);
}
