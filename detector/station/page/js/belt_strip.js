// The belt as a strip: objects travel in belt time past the action points.

import { s, setAttribute, setText } from "./dom.js";
import { positionNow } from "./belt_time.js";
import { callsFor, SET_ASIDE } from "./plant.js";
import { length, named, percent, t } from "./words.js";

const MARGIN = 0.06;
/** Size of an object's shape, px, before it grows with the strip. */
const SHAPE = 32;

export class BeltStrip {
  constructor(app, lineName) {
    this.app = app;
    this.lineName = lineName;
    this.objects = new Map();
    this.fixed = s("g", { class: "strip-fixed" });
    this.moving = s("g", { class: "strip-objects" });
    this.ticks = s("g", { class: "strip-ticks" });
    this.title = s("title");
    this.element = s(
      "svg",
      { class: "strip", role: "img" },
      this.title,
      this.fixed,
      this.ticks,
      this.moving,
    );
    this.size = { width: 1000, height: 120 };
    // In the screen's own pixels: words keep their size on a phone and on a wall.
    new ResizeObserver(([{ contentRect: box }]) => {
      if (!box.width) return;
      this.size = { width: box.width, height: box.height };
      this.drawn = null;
      this.draw(this.app.plant.lines.get(this.lineName)?.facts);
    }).observe(this.element);
  }

  /** Scale and action points; drawn again only where the facts or the language have changed. */
  draw(facts) {
    const points = facts?.action_points || [];
    const view = facts?.view_length_mm || 1000;
    const { width, height } = this.size;
    const key = JSON.stringify([points, view, facts?.belt_width_mm, document.documentElement.lang, width]);
    if (key === this.drawn) return;
    this.drawn = key;
    this.viewMm = view;
    this.widthMm = facts?.belt_width_mm || 600;
    const end = Math.max(view, ...points.map((each) => each.y_mm));
    this.lengthMm = end * (1 + MARGIN);
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.top = rem * 1.3;
    this.beltHeight = height - rem * 2.8;
    this.scale = Math.min(2.6, Math.max(0.6, this.beltHeight / 2 / SHAPE));
    const belt = { y: this.top, height: this.beltHeight };
    this.fixed.replaceChildren(
      s("rect", { class: "strip-belt", x: 0, width, ...belt }),
      s("rect", { class: "strip-view", x: 0, width: this.x(view), ...belt }),
      label(2, rem, t("strip.camera"), "start"),
      ...points.flatMap((point) => this.actionPoint(point)),
    );
    setAttribute(this.element, "aria-label", t("strip.title", { line: this.lineName }));
  }

  actionPoint(point) {
    const x = this.x(point.y_mm);
    const { width, height } = this.size;
    const late = x > width * 0.8;
    const bottom = this.top + this.beltHeight;
    return [
      s("line", { class: "strip-point", x1: x, x2: x, y1: this.top - 5, y2: bottom }),
      s("path", { class: "strip-flag", d: `M${x - 7} ${bottom + 9}h14l-7-11Z` }),
      label(late ? Math.min(width - 2, x + 10) : x, height - 4, point.name, late ? "end" : "middle"),
    ];
  }

  x(mm) {
    return (mm / this.lengthMm) * this.size.width;
  }

  /** Positions at the station's time `nowMs`. */
  update(nowMs) {
    const line = this.app.plant.lines.get(this.lineName);
    this.draw(line?.facts);
    const shown = new Set();
    const open = this.app.plant.open(this.lineName, nowMs);
    const pressing = open[0]?.key;
    for (const known of open) {
      const at = this.place(known.alert, line, nowMs);
      if (!at) continue;
      shown.add(known.key);
      this.object(known, at, known.key === pressing);
    }
    for (const [key, part] of this.objects) {
      if (shown.has(key)) continue;
      part.element.remove();
      this.objects.delete(key);
    }
    this.drawTicks(line, nowMs);
    setText(this.title, t("strip.objects", { n: shown.size }));
  }

  place(alert, line, nowMs) {
    if (!alert.place) return null;
    const y = positionNow(alert, line?.odometer, nowMs);
    // Past the last action point there is nothing left to do here; the list keeps the alarm.
    if (y === null || y > this.lengthMm) return null;
    const across = Math.min(1, Math.max(0, (alert.place.x_mm ?? this.widthMm / 2) / this.widthMm));
    const rim = (SHAPE / 2) * this.scale;
    return { x: this.x(y), y: this.top + rim + across * Math.max(0, this.beltHeight - 2 * rim) };
  }

  object(known, at, pressing) {
    let part = this.objects.get(known.key);
    const { alert } = known;
    const state = SET_ASIDE.has(alert.state) ? "aside" : alert.priority;
    const calls = callsFor(known);
    if (!part) {
      const count = s("text", { class: "strip-count", y: 5, "text-anchor": "middle" });
      const shape = s("path");
      part = { element: s("g", {}, shape, count), shape, count };
      this.objects.set(known.key, part);
      this.moving.append(part.element);
    }
    setAttribute(part.element, "class", `strip-object is-${state} ${calls ? "calls" : "answered"}`);
    setAttribute(part.element, "data-hazard", alert.hazard);
    setAttribute(part.shape, "d", SHAPES[state] || SHAPES.low);
    setAttribute(part.element, "transform", `translate(${at.x.toFixed(1)} ${at.y.toFixed(1)}) scale(${this.scale.toFixed(2)})`);
    part.element.classList.toggle("pressing", pressing);
    setText(part.count, alert.members > 1 ? alert.members : "");
  }

  /** Marks that travel with the belt, so that a stopped belt is seen to be stopped. */
  drawTicks(line, nowMs) {
    const position = line?.odometer.now(nowMs);
    const step = this.lengthMm > 3000 ? 500 : 250;
    const start = position === null || position === undefined ? 0 : position % step;
    const marks = [];
    for (let mm = start - step; mm < this.lengthMm; mm += step) marks.push(this.x(mm));
    while (this.ticks.childNodes.length < marks.length) {
      this.ticks.append(s("line"));
    }
    [...this.ticks.childNodes].forEach((tick, index) => {
      const x = marks[index] ?? -10;
      setAttribute(tick, "y1", this.top);
      setAttribute(tick, "y2", this.top + this.beltHeight);
      setAttribute(tick, "transform", `translate(${x.toFixed(1)} 0)`);
    });
  }
}

const SHAPES = {
  high: "M0-15 16 13H-16Z",
  medium: "M0-16 16 0 0 16-16 0Z",
  low: "M0-13a13 13 0 1 1-.01 0Z",
  aside: "M-12-4h24v8h-24Z",
};

function label(x, y, words, anchor) {
  return s("text", { class: "strip-label", x, y, "text-anchor": anchor }, words);
}

/** Where across the belt, in words: a picker reaches left or right. */
export function acrossText(alert, facts) {
  const x = alert.place?.x_mm;
  if (x === null || x === undefined) return "";
  const width = facts?.belt_width_mm;
  if (!width) return t("place.mm", { x: length(x) });
  const third = x < width / 3 ? "left" : x > (2 * width) / 3 ? "right" : "middle";
  return t(`place.${third}`, { x: length(x) });
}

/** What a line's state rests on; in the detector's own words only where it has no figures. */
export function detailText(alert) {
  if (!alert.cues?.length) return alert.detail || "";
  return alert.cues.map((cue) => `${t(`cue.${cue.name}`)} ${percent(cue.share)}`).join(" · ");
}

/** Names an alert's object: the verifier's kind, else the hazard alone. */
export function kindText(alert) {
  if (!alert.class_name) return "";
  return named("kind", alert.class_name);
}
