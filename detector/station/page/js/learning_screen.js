// Learning: answered alarms with their labels to check, and the adaptation of the model.

import { get, post, rowsOf } from "./api.js";
import { nsToMs } from "./clock.js";
import { h, setText, show } from "./dom.js";
import { dayAndTime, named, t } from "./words.js";

const POLL_MS = 1500;

export class LearningScreen {
  constructor(app) {
    this.app = app;
    this.state = h("p", { class: "hint", "aria-live": "polite" });
    this.sheet = h("ul", { class: "sheet" });
    this.adapt = h("button", { type: "button", class: "main" }, t("learning.adapt"));
    this.adapt.addEventListener("click", () => this.start());
    this.deploy = h("button", { type: "button", class: "plain", hidden: true }, t("learning.deploy"));
    this.deploy.addEventListener("click", () => this.deployIt());
    this.progress = h("p", { class: "hint", "aria-live": "polite" });
    this.result = h("div", { class: "adapt-table" });
    this.element = h(
      "div",
      { class: "screen learning-screen" },
      h("h1", {}, t("nav.learning")),
      h("p", { class: "hint" }, t("learning.words")),
      h(
        "section",
        { class: "adapt" },
        h("h2", {}, t("learning.adapt_title")),
        h("p", { class: "hint" }, t("learning.adapt_words")),
        h("div", { class: "quick" }, this.adapt, this.deploy),
        this.progress,
        this.result,
      ),
      h("h2", {}, t("learning.sheet")),
      this.state,
      this.sheet,
    );
  }

  open() {
    this.isOpen = true;
    show(this.adapt, this.app.may("operator"));
    this.load();
    this.poll();
  }

  close() {
    this.isOpen = false;
    clearTimeout(this.timer);
  }

  update() {}

  tick() {}

  async load() {
    setText(this.state, t("history.loading"));
    try {
      const document = await get("/api/learning");
      this.labels = document.labels || [];
      const rows = rowsOf(document, "answered");
      this.sheet.replaceChildren(...rows.map((row) => this.card(row)));
      setText(this.state, rows.length ? t("learning.count", { n: rows.length }) : t("learning.none"));
    } catch (failure) {
      setText(this.state, this.app.reasonOf(failure));
    }
  }

  card(row) {
    const evidence = `/api/evidence/${encodeURIComponent(row.evidence_id)}`;
    const chosen = row.label || row.default_label || defaultLabel(row);
    const names = [...new Set([chosen, ...this.labels, ...Object.keys(FIXED)])];
    const choice = h(
      "select",
      { "aria-label": t("learning.label"), disabled: !this.app.may("operator") },
      names.map((name) => h("option", { value: name, selected: name === chosen }, labelName(name))),
    );
    const saved = h("span", { class: "saved", role: "status" });
    choice.addEventListener("change", async () => {
      try {
        await post("/api/learning/label", {
          line: row.line,
          boot_id: row.boot_id,
          event_id: row.event_id,
          label: choice.value,
        });
        setText(saved, t("learning.saved"));
      } catch (failure) {
        setText(saved, this.app.reasonOf(failure));
      }
    });
    const said = row.outcome ? named("answer", row.outcome) : t("learning.no_outcome");
    return h(
      "li",
      { class: "sheet-card" },
      h(
        "button",
        { type: "button", class: "sheet-crop", onclick: () => this.app.openWhy(row) },
        h("img", { loading: "lazy", src: `${evidence}/crop.jpg`, alt: t("learning.crop", { name: labelName(chosen) }) }),
      ),
      h("p", {}, row.kind ? named("kind", row.kind) : named("hazard", row.hazard)),
      h("p", { class: "hint" }, `${said} · ${dayAndTime(nsToMs(row.t_raised_ns))}`),
      choice,
      saved,
    );
  }

  async start() {
    this.adapt.disabled = true;
    try {
      await post("/api/learning/adapt", { line: this.app.shownLine()?.name });
      this.poll();
    } catch (failure) {
      setText(this.progress, this.app.reasonOf(failure));
      this.adapt.disabled = false;
    }
  }

  async poll() {
    clearTimeout(this.timer);
    if (!this.isOpen) return;
    try {
      this.showRun(await get("/api/learning/adapt"));
    } catch (failure) {
      setText(this.progress, this.app.reasonOf(failure));
    }
  }

  /** `{state, table, deployable, reason}`. */
  showRun(run) {
    this.adapt.disabled = run.state === "running" || run.state === "impossible";
    const reason = run.reason || run.error || "";
    setText(this.progress, run.state === "idle" ? "" : t(`learning.${outcomeOf(run)}`, { reason }));
    this.result.replaceChildren(...tableOf(run));
    const ready = run.state === "done" && run.deployable;
    show(this.deploy, ready && this.app.may("maintainer"));
    if (run.state === "running") this.timer = setTimeout(() => this.poll(), POLL_MS);
  }

  async deployIt() {
    this.deploy.disabled = true;
    try {
      this.showRun(await post("/api/learning/deploy", {}));
    } catch (failure) {
      setText(this.progress, this.app.reasonOf(failure));
    } finally {
      this.deploy.disabled = false;
    }
  }
}

/** A copy that learned and is worse is not deployed. */
const outcomeOf = (run) => (run.state === "done" && !run.deployable ? "worse" : run.state);

/** Labels that are no kinds. */
const FIXED = {
  gas: "learning.gas",
  battery: "learning.battery",
  harmless: "learning.harmless",
  false_alarm: "answer.false_alarm",
  ignore: "learning.ignore",
};

function labelName(name) {
  return FIXED[name] ? t(FIXED[name]) : named("kind", name);
}

function defaultLabel(row) {
  if (row.outcome === "false_alarm") return "false_alarm";
  // What was removed is certain, what kind of it is not.
  if (row.outcome === "removed") return row.hazard;
  return "ignore";
}

/** The command's own table, as it prints it. */
function tableOf(run) {
  const text = run.table || run.text;
  if (!text) return [];
  const words = Array.isArray(text) ? text.join("\n") : String(text);
  return [h("pre", { tabindex: 0 }, words)];
}
