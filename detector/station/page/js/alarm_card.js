// The most pressing alarm, large enough to be read from three metres away.

import { nextArrival } from "./belt_time.js";
import { acrossText, detailText, kindText } from "./belt_strip.js";
import { answerButtons, SETTLE_MS } from "./answers.js";
import { h, s, setAttribute, setText, show } from "./dom.js";
import { callsFor, SET_ASIDE, takesOutcome } from "./plant.js";
import { symbol } from "./symbols.js";
import { duration, length, named, percent, t } from "./words.js";

export class AlarmCard {
  constructor(app) {
    this.app = app;
    this.known = null;
    this.settledAt = 0;
    this.shape = h("span", { class: "shape" });
    this.name = h("h2", { class: "alarm-name" });
    this.line = h("span", { class: "alarm-line" });
    this.state = h("span", { class: "alarm-state" });
    this.banner = h(
      "div",
      { class: "banner" },
      this.shape,
      this.name,
      h("span", { class: "banner-side" }, this.line, this.state),
    );
    this.crop = h("img", { class: "crop", alt: "" });
    this.noCrop = h("div", { class: "crop no-crop" });
    this.kind = h("p", { class: "alarm-kind" });
    this.sure = h("p", { class: "alarm-sure" });
    this.instead = h("p", { class: "alarm-instead" });
    this.across = new AcrossBelt();
    this.where = h("p", { class: "alarm-where" });
    this.verb = h("p", { class: "countdown-verb" });
    this.seconds = h("p", { class: "countdown-value", "data-testid": "countdown" });
    this.point = h("p", { class: "countdown-point" });
    this.countdown = h("div", { class: "countdown" }, this.verb, this.seconds, this.point);
    this.buttons = answerButtons(app, () => this.known?.alert, {
      large: true,
      settledAt: () => this.settledAt,
    });
    this.why = this.action("why.open", () => app.openWhy(this.known.alert));
    this.shelve = this.action("shelve.open", () => app.openShelving(this.known.alert));
    this.element = h(
      "article",
      { class: "alarm-card", "data-testid": "alarm-card", "aria-live": "assertive" },
      this.banner,
      h(
        "div",
        { class: "alarm-body" },
        h("div", { class: "crop-box" }, this.crop, this.noCrop),
        h(
          "div",
          { class: "alarm-facts" },
          this.kind,
          this.sure,
          this.instead,
          this.across.element,
          this.where,
        ),
        this.countdown,
      ),
      this.buttons.element,
      h("div", { class: "card-more" }, this.why, this.shelve),
    );
    this.crop.addEventListener("error", () => this.setCrop(false));
  }

  action(key, act) {
    return h("button", { type: "button", class: "plain", onclick: () => this.known && act() }, t(key));
  }

  update(known) {
    show(this.element, known !== null);
    if (known === null) {
      this.known = null;
      return;
    }
    if (this.known?.key !== known.key) {
      // The first alarm after quiet may be answered at once; one that displaces another may not.
      this.settledAt = this.known ? performance.now() + SETTLE_MS : 0;
      this.shownEvidence = undefined;
    }
    this.known = known;
    const { alert } = known;
    const { app } = this;
    const quiet = SET_ASIDE.has(alert.state);
    const calls = callsFor(known);
    const look = quiet ? "aside" : alert.priority;
    setAttribute(this.element, "data-priority", look);
    setAttribute(this.element, "data-event", alert.event_id);
    setAttribute(this.element, "data-state", alert.state);
    this.element.classList.toggle("calls", calls);
    this.element.classList.toggle("settling", performance.now() < this.settledAt);
    if (this.look !== look) {
      this.look = look;
      this.shape.replaceChildren(symbol(look));
    }
    const name = named("hazard", alert.hazard);
    setText(this.name, alert.members > 1 ? t("alarm.pile", { name, n: alert.members }) : name);
    setText(this.state, named("state", alert.state));
    setText(this.line, app.shownLines().length > 1 ? alert.line : "");
    this.setFacts(alert);
    this.setPicture(known);
    this.buttons.update(known);
    show(this.shelve, alert.hazard !== "vision_unavailable" && app.may("operator"));
    this.tick();
  }

  setFacts(alert) {
    const kind = kindText(alert);
    const sure = alert.probability === null ? "" : t("alarm.sure", { p: percent(alert.probability) });
    setText(this.kind, alert.place ? kind : detailText(alert));
    setText(this.sure, sure);
    const other = alert.why?.kinds?.[1];
    const plain = other && other.probability >= 0.05;
    const or = { kind: plain ? named("kind", other.name) : "", p: percent(other?.probability) };
    setText(this.instead, plain ? t("alarm.instead", or) : "");
    const facts = this.app.plant.lines.get(alert.line)?.facts;
    show(this.across.element, Boolean(alert.place && facts?.belt_width_mm));
    this.across.update(alert, facts);
    setText(this.where, acrossText(alert, facts));
    this.element.classList.toggle("of-line", !takesOutcome(alert));
  }

  setPicture(known) {
    const id = known.evidence ? known.evidenceId : null;
    if (this.shownEvidence === id) return;
    this.shownEvidence = id;
    if (id) {
      this.crop.src = `/api/evidence/${encodeURIComponent(id)}/crop.jpg`;
      this.crop.alt = t("alarm.crop", { name: named("hazard", known.alert.hazard) });
    }
    this.setCrop(Boolean(id));
  }

  setCrop(there) {
    show(this.crop, there);
    show(this.noCrop, !there);
    const awaited = this.known?.alert.place && this.known?.alert.evidence_id;
    setText(this.noCrop, t(awaited ? "alarm.crop_awaited" : "alarm.no_crop"));
  }

  /** The countdown alone; called several times a second. */
  tick() {
    if (!this.known) return;
    const { alert } = this.known;
    const odometer = this.app.plant.lines.get(alert.line)?.odometer;
    const next = nextArrival(alert, odometer, this.app.clock.now());
    const words = countdownWords(next);
    setText(this.verb, words.verb);
    setText(this.seconds, words.value);
    setText(this.point, words.point);
    setAttribute(this.countdown, "data-state", next ? next.state : "none");
    show(this.countdown, next !== null);
    const settling = performance.now() < this.settledAt;
    this.element.classList.toggle("settling", settling);
  }
}

/** `{verb, value, point}` of a countdown. */
export function countdownWords(next) {
  if (!next) return { verb: "", value: "", point: "" };
  if (next.state === "past") return { verb: "", value: t("countdown.past"), point: next.name };
  if (next.etaMs === null) {
    return {
      verb: t("countdown.stopped"),
      value: length(next.distance),
      point: t("countdown.before", { point: next.name }),
    };
  }
  if (next.state === "late") {
    return {
      verb: t("countdown.late"),
      value: seconds(next.etaMs),
      point: t("countdown.arrives_at", { point: next.name }),
    };
  }
  return {
    verb: t("countdown.act"),
    value: seconds(next.actMs),
    point: t("countdown.for", { point: next.name, s: duration(next.etaMs) }),
  };
}

/** The same in one short phrase, for lists. */
export function countdownPhrase(next) {
  if (!next) return "";
  if (next.state === "past") return t("countdown.short_past");
  if (next.etaMs === null) return t("countdown.short_stopped", { d: length(next.distance) });
  if (next.state === "late") return t("countdown.short_late", { s: seconds(next.etaMs) });
  return t("countdown.short", { point: next.name, s: seconds(next.actMs) });
}

const seconds = (ms) => duration(ms);

/** A cross-section of the belt with the object's place on it. */
class AcrossBelt {
  constructor() {
    this.mark = s("rect", { class: "across-mark", y: 2, height: 20, width: 14, rx: 3 });
    this.element = s(
      "svg",
      { class: "across", viewBox: "0 0 200 24", "aria-hidden": "true", preserveAspectRatio: "none" },
      s("rect", { class: "across-belt", x: 0, y: 8, width: 200, height: 8, rx: 4 }),
      s("line", { class: "across-third", x1: 66.7, x2: 66.7, y1: 5, y2: 19 }),
      s("line", { class: "across-third", x1: 133.3, x2: 133.3, y1: 5, y2: 19 }),
      this.mark,
    );
  }

  update(alert, facts) {
    const width = facts?.belt_width_mm;
    const x = alert.place?.x_mm;
    if (!width || x === null || x === undefined) {
      show(this.element, false);
      return;
    }
    show(this.element, true);
    const size = Math.max(10, ((alert.why?.length_mm || 60) / width) * 200);
    setAttribute(this.mark, "width", size.toFixed(1));
    setAttribute(this.mark, "x", ((x / width) * 200 - size / 2).toFixed(1));
  }
}
