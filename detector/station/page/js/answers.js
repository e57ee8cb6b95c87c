// Answers to alarms: one touch, one key; outcomes can be undone for ten seconds.

import { ApiError, post } from "./api.js";
import { h, KeyedList, setText, show } from "./dom.js";
import { keyOf, takesOutcome } from "./plant.js";
import { named, t } from "./words.js";

export const ANSWERS = ["seen", "removed", "false_alarm", "not_found"];
/** After another alarm has taken the large place, touches meant for the one before are ignored. */
export const SETTLE_MS = 600;

export class Answers {
  constructor(app) {
    this.app = app;
    this.rows = h("div", { class: "undo-rows" });
    this.element = h(
      "section",
      { class: "undo", "aria-label": t("undo.title"), "aria-live": "polite", hidden: true },
      this.rows,
    );
    this.list = new KeyedList(this.rows, (pending) => this.row(pending));
    this.busy = new Set();
  }

  /** Why this screen may not give this answer to this alert; null if it may. */
  refusal(known, what) {
    const { alert } = known;
    if (!this.app.may("operator")) return t("answer.read_only");
    if (what !== "seen" && !takesOutcome(alert)) return t("answer.no_object");
    if (what === "seen" && known.acknowledged) return t("answer.seen_already");
    return null;
  }

  async give(alert, what) {
    const id = `${alert.event_id}/${what}`;
    const known = this.app.plant.alarms.get(keyOf(alert));
    if (!known || this.refusal(known, what) || this.busy.has(id)) return;
    this.busy.add(id);
    const { line, boot_id: boot, event_id: event } = alert;
    try {
      const given = await post("/api/answer", { line, boot_id: boot, event_id: event, what });
      this.app.plant.answer({
        line,
        boot_id: boot,
        event_id: event,
        what,
        operator: this.app.me.account || t("answer.this_screen"),
        undo_until_utc_ns: given?.undo_until_utc_ns,
      });
      if (given?.notice) this.app.toast(given.notice);
      this.app.changed();
    } catch (error) {
      this.app.failed(error, t("answer.failed", { answer: t(`answer.${what}`) }));
    } finally {
      this.busy.delete(id);
    }
  }

  async undo(pending) {
    const { line, boot_id: boot, event_id: event } = pending;
    try {
      await post("/api/undo", { line, boot_id: boot, event_id: event });
      this.app.plant.answer({ line, boot_id: boot, event_id: event, what: "undo" });
      this.app.changed();
    } catch (error) {
      if (error instanceof ApiError && error.status) this.app.toast(error.message, "bad");
      else this.app.failed(error, t("undo.failed"));
    }
  }

  /** Undoes the last answer given here or elsewhere, if it still can be. */
  undoLast() {
    const last = this.app.plant.undoable().at(-1);
    if (last && this.app.may("operator")) this.undo(last);
  }

  row(first) {
    const words = h("span", { class: "undo-words" });
    const button = h("button", { type: "button", class: "undo-button" });
    let shown = first;
    button.addEventListener("click", () => this.undo(shown));
    return {
      element: h("div", { class: "undo-row" }, words, button),
      update: (pending) => {
        shown = pending;
        const left = Math.ceil((pending.untilMs - this.app.clock.now()) / 1000);
        const text = { answer: t(`answer.${pending.what}`), hazard: named("hazard", pending.hazard) };
        setText(words, t("undo.words", { ...text, operator: pending.operator || "–" }));
        setText(button, t("undo.button", { s: Math.max(0, left) }));
        show(button, this.app.may("operator"));
      },
    };
  }

  update() {
    const pending = this.app.plant.undoable();
    show(this.element, pending.length > 0);
    this.list.update(pending.slice(-3), (each) => each.key);
  }
}

/** The four buttons of an alarm. `alertOf()` gives the alert that is shown. */
export function answerButtons(app, alertOf, { large = false, settledAt = () => 0 } = {}) {
  const buttons = ANSWERS.map((what, index) => {
    const key = h("kbd", { "aria-hidden": "true" });
    const button = h(
      "button",
      { type: "button", class: `answer answer-${what}`, "data-answer": what },
      large ? key : null,
      h("span", {}, t(`answer.${what}`)),
    );
    button.addEventListener("click", () => {
      const alert = alertOf();
      if (performance.now() < settledAt()) app.toast(t("answer.settling"));
      else if (alert) app.answers.give(alert, what);
    });
    return { what, button, key, index };
  });
  return {
    element: h(
      "div",
      { class: `answers ${large ? "large" : ""}`, role: "group", "aria-label": t("answer.title") },
      ...buttons.map((each) => each.button),
    ),
    update(known) {
      for (const { what, button, key, index } of buttons) {
        const refusal = known ? app.answers.refusal(known, what) : null;
        button.disabled = !known || refusal !== null;
        button.title = refusal || "";
        // An outcome makes no sense for a line's state: the button is away instead of dead.
        show(button, !known || what === "seen" || takesOutcome(known.alert));
        if (large) setText(key, app.keyboard.labelOf(index));
      }
    },
  };
}
