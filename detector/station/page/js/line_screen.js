// Line: the most pressing alarm large, the belt as a strip, the other alarms; with several lines, a
// panel each.

import { AlarmCard } from "./alarm_card.js";
import { AlarmList } from "./alarm_list.js";
import { BeltStrip } from "./belt_strip.js";
import { h, KeyedList, setAttribute, setText, show } from "./dom.js";
import { symbol } from "./symbols.js";
import { visionOf } from "./vision.js";
import { t } from "./words.js";

/** A chosen alarm stays large for this long unless a more important one comes after. */
const CHOSEN_MS = 20000;

export class LineScreen {
  constructor(app) {
    this.app = app;
    this.card = new AlarmCard(app);
    this.quiet = h("p", { class: "quiet" });
    this.list = new AlarmList(app);
    this.panels = h("div", { class: "panels" });
    this.main = h("div", { class: "line-main" }, this.quiet, this.card.element);
    this.element = h(
      "div",
      { class: "screen line-screen" },
      h("h1", { class: "visually-hidden" }, t("nav.line")),
      this.panels,
      this.main,
      this.list.element,
    );
    this.parts = new KeyedList(this.panels, (line) => new LinePanel(app, line));
    this.chosen = null;
  }

  choose(key) {
    const then = new Set(this.app.plant.alarms.keys());
    this.chosen = { key, then, untilMs: performance.now() + CHOSEN_MS };
  }

  /** The alarm that keys and the large buttons answer. */
  pressing() {
    const { plant } = this.app;
    const name = this.app.chosenLine;
    const first = plant.pressing(name);
    const { chosen } = this;
    if (chosen && performance.now() < chosen.untilMs) {
      const known = plant.alarms.get(chosen.key);
      const outranked = first && known && !chosen.then.has(first.key) && isOutranked(known, first);
      if (known && !plant.pending.has(chosen.key) && !outranked) return known;
    }
    this.chosen = null;
    return first;
  }

  update() {
    const { app } = this;
    const lines = app.shownLines();
    this.element.classList.toggle("several", lines.length > 1);
    this.parts.update(lines, (line) => line.name);
    const pressing = this.pressing();
    this.card.update(pressing);
    const others = app.plant.open(app.chosenLine).filter((each) => each.key !== pressing?.key);
    this.list.update(others);
    show(this.quiet, pressing === null);
    const blind = lines.some((line) => visionOf(line, app.clock).state === "blind");
    const none = blind ? t("line.unknown") : t("line.no_alarm");
    setText(this.quiet, others.length ? t("line.none_pressing") : none);
    this.element.classList.toggle("has-alarm", pressing !== null);
    this.element.classList.toggle("has-others", others.length > 0);
  }

  tick() {
    this.card.tick();
    const now = this.app.clock.now();
    for (const part of this.parts.parts.values()) part.tick(now);
  }
}

const RANK = { high: 0, medium: 1, low: 2 };
const isOutranked = (known, first) => RANK[first.alert.priority] < RANK[known.alert.priority];

/** A line's strip; among several also its state. */
class LinePanel {
  constructor(app, line) {
    this.app = app;
    this.name = line.name;
    this.strip = new BeltStrip(app, line.name);
    this.state = h("span", { class: "panel-state" });
    this.count = h("span", { class: "panel-count" });
    this.head = h(
      "button",
      { type: "button", class: "panel-head", onclick: () => app.chooseLine(line.name) },
      this.state,
      h("strong", {}, line.name),
      this.count,
    );
    this.element = h("section", { class: "panel", "aria-label": line.name }, this.head, this.strip.element);
  }

  update(line) {
    const vision = visionOf(line, this.app.clock);
    const several = this.app.shownLines().length > 1;
    show(this.head, several);
    if (this.vision !== vision.state) {
      this.vision = vision.state;
      this.state.replaceChildren(symbol(vision.state), ` ${t(`vision.${vision.state}`)}`);
    }
    setAttribute(this.element, "data-vision", vision.state);
    const open = this.app.plant.open(this.name).length;
    // Nothing open on a line that is BLIND is not known to be nothing.
    const none = vision.state === "blind" ? t("panel.unknown") : t("panel.none");
    setText(this.count, open ? t("panel.alarms", { n: open }) : none);
    this.strip.draw(line.facts);
  }

  tick(now) {
    this.strip.update(now);
  }
}
