// BLIND over everything: nothing on the page may be read as "the belt is clear".

import { AlarmRow } from "./alarm_list.js";
import { h, KeyedList, setText, show } from "./dom.js";
import { symbol } from "./symbols.js";
import { clockTime, duration, t } from "./words.js";
import { visionOf } from "./vision.js";

/** Open alarms that can be answered while the line is BLIND. */
const ROWS = 2;

export class BlindOverlay {
  constructor(app) {
    this.app = app;
    this.title = h("h2", { class: "blind-title" });
    this.names = h("p", { class: "blind-lines" });
    this.reason = h("p", { class: "blind-reason" });
    this.since = h("p", { class: "blind-since" });
    this.open = h("p", { class: "blind-open" });
    this.rows = h("ul", { class: "alarm-rows" });
    this.list = new KeyedList(this.rows, (known) => new AlarmRow(app, known));
    this.beneath = h(
      "button",
      { type: "button", class: "plain beneath", onclick: () => this.readBeneath() },
      t("blind.beneath"),
    );
    this.element = h(
      "div",
      { class: "blind", role: "alert", hidden: true, "data-testid": "blind" },
      h(
        "div",
        { class: "blind-panel" },
        symbol("blind", "blind-eye"),
        this.title,
        this.names,
        this.reason,
        h("p", { class: "blind-act" }, t("blind.act")),
        this.since,
        this.open,
        this.rows,
        this.beneath,
      ),
    );
    this.sinceMs = null;
    this.reading = false;
    this.isAbove = false;
  }

  /** True while a shown line is BLIND. */
  update() {
    const { app } = this;
    const lines = app.shownLines();
    const seen = lines.length ? lines : [null];
    const blind = seen
      .map((line) => ({ line, vision: visionOf(line, app.clock) }))
      .filter((each) => each.vision.state === "blind");
    // While one of several lines sees, the blind ones say so in their own panels.
    const covers = blind.length === seen.length;
    this.announceSome(covers ? [] : blind);
    if (!covers) {
      this.sinceMs = null;
      this.reading = false;
      this.setAboveDialogs(false);
      show(this.element, false);
      document.body.classList.remove("is-blind", "is-covered");
      return blind.length > 0;
    }
    const now = app.clock.localNow();
    if (this.sinceMs === null) {
      this.sinceMs = now;
      this.sinceWall = app.clock.now();
    }
    const { line, vision } = blind[0];
    setText(this.title, t("vision.blind"));
    setText(this.names, blind.map((each) => each.line?.name).filter(Boolean).join(" · "));
    const cause = t(`blind.${vision.cause}`);
    setText(this.reason, vision.reason ? `${cause} (${vision.reason})` : cause);
    setText(
      this.since,
      t("blind.since", { time: clockTime(this.sinceWall), for: duration(now - this.sinceMs) }),
    );
    this.setOpen(line);
    const readable = app.screenName !== "line" && app.screenName !== "live";
    show(this.beneath, readable && !this.reading);
    this.element.classList.toggle("as-bar", readable && this.reading);
    show(this.element, true);
    const covering = !this.element.classList.contains("as-bar");
    if (covering && window.scrollY) window.scrollTo(0, 0);
    document.body.classList.toggle("is-covered", covering);
    document.body.classList.add("is-blind");
    this.setAboveDialogs(document.querySelector("dialog[open]") !== null);
    return true;
  }

  /** A window is above everything of the page, but not above what is shown after it. */
  setAboveDialogs(above) {
    if (above === this.isAbove) return;
    this.isAbove = above;
    if (above) {
      this.element.popover = "manual";
      this.element.showPopover();
    } else {
      this.element.popover = null;
    }
  }

  /** Open alarms do not end because the camera is dark. */
  setOpen(line) {
    const open = this.app.plant
      .open(line?.name ?? null)
      .filter((each) => each.alert.hazard !== "vision_unavailable");
    show(this.open, open.length > 0);
    setText(this.open, open.length ? t("blind.open", { n: open.length }) : "");
    // Without the station no answer would arrive.
    this.list.update(this.app.clock.isStale ? [] : open.slice(0, ROWS), (known) => known.key);
  }

  announceSome(blind) {
    const words = blind.map((each) => each.line?.name).join(", ");
    if (words === this.some) return;
    this.some = words;
    this.app.notice("blind", words ? t("blind.lines", { lines: words }) : null, "blind");
  }

  readBeneath() {
    this.reading = true;
    this.update();
  }
}
