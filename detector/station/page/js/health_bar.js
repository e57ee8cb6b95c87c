// The health of a line, on every screen and always there.

import { h, setAttribute, setText, show } from "./dom.js";
import { symbol } from "./symbols.js";
import { clockTime, duration, named, number, percent, t } from "./words.js";
import { nsToMs } from "./clock.js";
import { visionOf } from "./vision.js";

const BELT_FAULTS = new Set([
  "stopped_ordered_to_run",
  "runs_ordered_to_stop",
  "reverses",
  "slips",
  "disagrees",
  "encoder_lost",
  "encoder_stuck",
  "encoder_backwards",
]);

export class HealthBar {
  constructor(app) {
    this.app = app;
    this.facts = new Map();
    this.vision = h("div", { class: "vision" });
    this.list = h("dl", { class: "facts" });
    this.notices = h("div", { class: "notices" });
    this.element = h(
      "section",
      { class: "health", "aria-label": t("health.title") },
      this.vision,
      this.list,
      this.notices,
    );
    for (const name of ["camera", "fps", "latency", "drops", "belt", "coverage", "answered"]) {
      const value = h("dd");
      const box = h("div", { class: `fact fact-${name}` }, h("dt", {}, t(`health.${name}`)), value);
      this.facts.set(name, { box, value });
      this.list.append(box);
    }
    this.state = null;
  }

  update() {
    const { plant, clock } = this.app;
    const line = this.app.shownLine();
    const vision = visionOf(line, clock);
    this.setVision(line, vision);
    const reported = line?.reported;
    // Without vision the last figures are no longer true.
    const blind = vision.state === "blind";
    const now = (value) => (blind ? t("health.unknown") : value);
    const budget = reported?.latency_budget_ms;
    const late = budget && reported.latency_p99_ms > budget;
    this.set("camera", now(ageText(reported?.camera_age_ms)), blind);
    this.set("fps", now(number(reported?.fps, reported?.fps < 10 ? 1 : 0)), blind);
    const p99 = `${number(reported?.latency_p99_ms)} / ${number(budget)} ms`;
    this.set("latency", now(late ? `${p99} ${t("health.late")}` : p99), blind || late);
    this.set("drops", number(reported?.drops), false);
    this.setBelt(reported, blind);
    const share = percent(reported?.coverage);
    this.set("coverage", now(reported?.jam ? t("health.jam", { share }) : share), blind);
    this.set("answered", answeredBy(reported?.acknowledged_by), false);
    this.setNotices(plant, line, vision);
  }

  setVision(line, vision) {
    const words = t(`vision.${vision.state}`);
    const key = `${vision.state}/${words}/${line?.name}`;
    if (key !== this.state) {
      this.state = key;
      this.vision.replaceChildren(
        symbol(vision.state),
        h("strong", {}, words),
        h("span", { class: "line-name" }, line ? line.name : ""),
      );
      setAttribute(this.element, "data-vision", vision.state);
    }
  }

  setBelt(reported, blind) {
    if (blind || !reported) {
      this.set("belt", t("health.unknown"), blind);
      return;
    }
    const speed = reported.belt_speed_mm_s;
    const state = reported.belt_state;
    const fault = BELT_FAULTS.has(state);
    let words = speed === null || speed === undefined ? t("health.unknown") : speedText(speed);
    if (fault) words = `${t(`belt.${state}`)} · ${words}`;
    else if (state === "stopped" || (speed !== null && Math.abs(speed) < 5)) words = t("belt.stopped");
    this.set("belt", words, fault);
  }

  setNotices(plant, line, vision) {
    const notices = [];
    const reported = line?.reported;
    if (vision.state === "degraded" && vision.reason) notices.push(vision.reason);
    notices.push(...noticesOf(reported));
    if (BELT_FAULTS.has(reported?.belt_state) && reported.belt_reason) {
      notices.push(reported.belt_reason);
    }
    for (const each of reported?.shelved || []) {
      notices.push(
        t("shelved.notice", {
          hazard: named("hazard", each.hazard),
          until: clockTime(nsToMs(each.t_until_utc_ns), false),
          operator: each.operator,
        }),
      );
    }
    const key = notices.join("\n");
    if (key !== this.noticeKey) {
      this.noticeKey = key;
      this.notices.replaceChildren(...notices.map((each) => h("p", {}, each)));
      show(this.notices, notices.length > 0);
    }
  }

  set(name, words, abnormal) {
    const { box, value } = this.facts.get(name);
    setText(value, words);
    box.classList.toggle("abnormal", Boolean(abnormal));
  }
}

export function speedText(mmPerS) {
  return `${number(mmPerS / 1000, 2)} m/s`;
}

function ageText(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms < 1000 ? `${number(ms)} ms` : duration(ms);
}

function answeredBy(answer) {
  if (!answer) return "–";
  if (typeof answer === "string") return answer;
  const at = answer.t_utc_ns ? ` ${clockTime(nsToMs(answer.t_utc_ns), false)}` : "";
  return `${answer.operator || "–"}${at}`;
}

/** The store's notices by their codes, with what the station says about them. */
function noticesOf(reported) {
  const coded = reported?.notices || [];
  // The line of all notices has some without a code, such as that of the detector's journal.
  const others = coded.reduce((left, each) => left.replace(each.text, ""), reported?.notice || "");
  const rest = others.replace(/^[; ]+|[; ]+$/g, "");
  return [...coded.map(({ code, text }) => `${named("notice", code)} (${text})`), rest].filter(Boolean);
}
