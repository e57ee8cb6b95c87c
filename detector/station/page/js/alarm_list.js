// The other open alarms, one row each.

import { nextArrival } from "./belt_time.js";
import { acrossText, detailText, kindText } from "./belt_strip.js";
import { countdownPhrase } from "./alarm_card.js";
import { answerButtons } from "./answers.js";
import { h, KeyedList, setAttribute, setText, show } from "./dom.js";
import { callsFor, SET_ASIDE } from "./plant.js";
import { symbol } from "./symbols.js";
import { visionOf } from "./vision.js";
import { named, t } from "./words.js";

/** Rows that are drawn; with more, the rest is counted. */
const ROWS = 12;

export class AlarmList {
  constructor(app) {
    this.app = app;
    this.title = h("h2", { class: "list-title" });
    this.rows = h("ul", { class: "alarm-rows" });
    this.more = h("p", { class: "list-more" });
    this.element = h(
      "section",
      { class: "alarm-list", "data-testid": "alarm-list" },
      this.title,
      this.rows,
      this.more,
    );
    this.list = new KeyedList(this.rows, (known) => new AlarmRow(app, known));
  }

  update(others) {
    show(this.element, others.length > 0);
    setText(this.title, t("list.title", { n: others.length }));
    const shown = others.slice(0, ROWS);
    this.list.update(shown, (known) => known.key);
    show(this.more, others.length > shown.length);
    setText(this.more, t("list.more", { n: others.length - shown.length }));
  }
}

export class AlarmRow {
  constructor(app, known) {
    this.app = app;
    this.known = known;
    this.shape = h("span", { class: "shape" });
    this.name = h("strong");
    this.facts = h("span", { class: "row-facts" });
    this.time = h("span", { class: "row-time" });
    this.state = h("span", { class: "row-state" });
    this.choose = h(
      "button",
      { type: "button", class: "row-choose", onclick: () => app.choose(this.known.key) },
      this.shape,
      h("span", { class: "row-words" }, this.name, this.facts, this.state),
      this.time,
    );
    this.buttons = answerButtons(app, () => this.known.alert);
    this.element = h("li", { class: "alarm-row" }, this.choose, this.buttons.element);
  }

  update(known) {
    this.known = known;
    const { alert } = known;
    setAttribute(this.element, "data-event", alert.event_id);
    const look = SET_ASIDE.has(alert.state) ? "aside" : alert.priority;
    setAttribute(this.element, "data-priority", look);
    this.element.classList.toggle("calls", callsFor(known));
    if (this.look !== look) {
      this.look = look;
      this.shape.replaceChildren(symbol(look));
    }
    const name = named("hazard", alert.hazard);
    setText(this.name, alert.members > 1 ? t("alarm.pile", { name, n: alert.members }) : name);
    const { plant, clock } = this.app;
    const line = plant.lines.get(alert.line);
    const several = this.app.shownLines().length > 1 ? alert.line : "";
    const facts = [several, kindText(alert), acrossText(alert, line?.facts)];
    setText(this.facts, alert.place ? facts.filter(Boolean).join(" · ") : [several, detailText(alert)].filter(Boolean).join(" · "));
    const pending = plant.pending.get(known.key);
    const state = named("state", alert.state);
    setText(this.state, pending ? t("list.answered", { answer: t(`answer.${pending.what}`) }) : state);
    // The belt of a line that is BLIND may have stopped: no time is better than a wrong one.
    const blind = visionOf(line, clock).state === "blind";
    const next = blind ? null : nextArrival(alert, line?.odometer, clock.now());
    setText(this.time, countdownPhrase(next));
    this.buttons.update(pending ? null : known);
    show(this.buttons.element, !pending && this.app.may("operator"));
  }
}
