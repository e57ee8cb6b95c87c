// History: what was raised, what was answered, when the line was blind; and how it develops.

import { get, rowsOf, withQuery } from "./api.js";
import { nsToMs } from "./clock.js";
import { field, select } from "./dialog.js";
import { h, setText, show } from "./dom.js";
import { SHELVED } from "./shelving.js";
import { symbol } from "./symbols.js";
import { trends } from "./trends.js";
import { dayAndTime, duration, named, percent, t } from "./words.js";

const HAZARDS = [...SHELVED, "vision_unavailable"];
const OUTCOMES = ["removed", "false_alarm", "not_found"];
const PERIODS = { shift: 8, day: 24, week: 24 * 7, month: 24 * 30 };
const PAGE = 50;

export class HistoryScreen {
  constructor(app) {
    this.app = app;
    this.filters = this.form();
    this.rows = h("ul", { class: "event-rows" });
    this.state = h("p", { class: "hint", "aria-live": "polite" });
    this.more = h(
      "button",
      { type: "button", class: "plain", hidden: true, onclick: () => this.load(this.cursor) },
      t("history.more"),
    );
    this.blindTimes = h("section", { class: "blind-times" });
    this.plots = h("div", { class: "plots" });
    this.exports = h("div", { class: "quick exports" });
    this.element = h(
      "div",
      { class: "screen history-screen" },
      h("h1", {}, t("nav.history")),
      this.filters,
      this.exports,
      this.plots,
      this.blindTimes,
      h("h2", {}, t("history.events")),
      this.state,
      this.rows,
      this.more,
    );
  }

  form() {
    const any = ["", t("filter.any")];
    this.line = select("line", [any], "");
    const periods = Object.keys(PERIODS).map((each) => [each, t(`period.${each}`)]);
    const hazards = HAZARDS.map((each) => [each, named("hazard", each)]);
    const outcomes = OUTCOMES.map((each) => [each, named("answer", each)]);
    this.fields = {
      hazard: select("hazard", [any, ...hazards], ""),
      outcome: select("outcome", [any, ...outcomes], ""),
      period: select("period", periods, "day"),
      text: h("input", { name: "text", type: "search", maxlength: 100 }),
    };
    return h(
      "form",
      {
        class: "filters",
        onsubmit: (event) => {
          event.preventDefault();
          this.open();
        },
        onchange: () => this.open(),
      },
      field(t("filter.line"), this.line),
      field(t("filter.hazard"), this.fields.hazard),
      field(t("filter.outcome"), this.fields.outcome),
      field(t("filter.period"), this.fields.period),
      field(t("filter.text"), this.fields.text),
      h("button", { class: "plain", type: "submit" }, t("filter.do")),
    );
  }

  wanted() {
    const hours = PERIODS[this.fields.period.value];
    const untilMs = this.app.clock.now();
    // Whole milliseconds, written as ns: a number of ns is too long for a number here.
    const ns = (ms) => `${Math.round(ms)}000000`;
    return {
      line: this.line.value,
      hazard: this.fields.hazard.value,
      outcome: this.fields.outcome.value,
      text: this.fields.text.value.trim(),
      since: ns(untilMs - hours * 3600000),
      until: ns(untilMs),
    };
  }

  open() {
    this.lines();
    this.asked = this.wanted();
    this.setExports();
    this.load(null);
    const { line, since, until } = this.asked;
    const hours = PERIODS[this.fields.period.value];
    trends(this.app, this.plots, { line, since, until, hours });
    this.loadBlind({ line, since, until });
  }

  close() {}

  update() {}

  tick() {}

  lines() {
    const names = [...this.app.plant.lines.keys()];
    if (this.names === names.join("\n")) return;
    this.names = names.join("\n");
    const chosen = this.line.value;
    this.line.replaceChildren(
      h("option", { value: "" }, t("filter.any")),
      ...names.map((name) => h("option", { value: name, selected: name === chosen }, name)),
    );
  }

  async load(before) {
    const asked = this.asked;
    if (!before) setText(this.state, t("history.loading"));
    try {
      const document = await get("/api/events", { ...asked, limit: PAGE, before });
      if (asked !== this.asked) return; // other filters have been chosen meanwhile
      const events = rowsOf(document, "events");
      if (!before) this.rows.replaceChildren();
      this.rows.append(...events.map((event) => this.row(event)));
      this.cursor = events.at(-1)?.cursor;
      show(this.more, events.length === PAGE);
      setText(this.state, this.rows.childElementCount ? "" : t("history.none"));
    } catch (failure) {
      setText(this.state, this.app.reasonOf(failure));
    }
  }

  row(event) {
    const crop = event.evidence_id
      ? h("img", {
          class: "thumb",
          loading: "lazy",
          alt: "",
          src: `/api/evidence/${encodeURIComponent(event.evidence_id)}/crop.jpg`,
        })
      : h("span", { class: "thumb no-crop", "aria-hidden": "true" }, symbol(event.priority));
    const kind = [event.kind ? named("kind", event.kind) : event.detail, sure(event)];
    const name = named("hazard", event.hazard);
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: "event-row", onclick: () => this.app.openWhy(event) },
        crop,
        h(
          "span",
          { class: "row-words" },
          h(
            "span",
            { class: "event-name" },
            symbol(event.priority),
            h("strong", {}, event.members > 1 ? t("alarm.pile", { name, n: event.members }) : name),
          ),
          h("span", { class: "row-facts" }, kind.filter(Boolean).join(" · ")),
          h("span", { class: "row-state" }, this.ending(event)),
        ),
        h("span", { class: "event-time" }, dayAndTime(nsToMs(event.t_raised_ns)), h("br"), event.line),
      ),
    );
  }

  ending(event) {
    if (event.outcome) return named("answer", event.outcome);
    const state = named("state", event.state);
    if (!event.t_answered_ns || !event.t_called_ns) return state;
    const after = duration(nsToMs(event.t_answered_ns - event.t_called_ns));
    return `${state} · ${t("history.answered_after", { s: after })}`;
  }

  async loadBlind(asked) {
    try {
      const all = rowsOf(await get("/api/blind-times", asked), "blind_times");
      const total = all.reduce((sum, each) => sum + nsToMs(each.until - each.since), 0);
      this.blindTimes.replaceChildren(
        h("h2", {}, t("blind_times.title")),
        h("p", {}, all.length ? t("blind_times.total", { n: all.length, d: duration(total) }) : t("blind_times.none")),
        h(
          "ul",
          {},
          all
            .slice(-12)
            .reverse()
            .map((each) => h("li", {}, symbol("blind"), ` ${this.blindWords(each)}`)),
        ),
      );
    } catch (failure) {
      this.blindTimes.replaceChildren(h("p", { class: "form-error" }, this.app.reasonOf(failure)));
    }
  }

  blindWords(each) {
    const at = dayAndTime(nsToMs(each.since));
    const length = duration(nsToMs(each.until - each.since));
    return [each.line, at, length, each.reason].filter(Boolean).join(" · ");
  }

  setExports() {
    const { line, since, until } = this.asked;
    const link = (format) =>
      h(
        "a",
        {
          class: "plain button",
          href: withQuery(`/api/export/${format}`, {
            line,
            since,
            until,
            language: document.documentElement.lang,
          }),
          download: format === "shift-report" ? null : "",
          target: format === "shift-report" ? "_blank" : null,
          rel: "noopener",
        },
        t(`export.${format}`),
      );
    this.exports.replaceChildren(...["shift-report", "csv", "json", "yolo", "coco"].map(link));
  }
}

const sure = (event) => (event.probability === null ? "" : percent(event.probability));
