// The page: who is there, what has come, which screen is shown.

import { ApiError, get, setCsrf } from "./api.js";
import { Answers } from "./answers.js";
import { BlindOverlay } from "./blind.js";
import { StationClock, nsToMs } from "./clock.js";
import { h, setText, show } from "./dom.js";
import { Feed } from "./feed.js";
import { HealthBar } from "./health_bar.js";
import { Keyboard } from "./keyboard.js";
import { LineScreen } from "./line_screen.js";
import { Plant, SET_ASIDE } from "./plant.js";
import { openSettings } from "./settings.js";
import { openShelving } from "./shelving.js";
import { signIn } from "./sign_in.js";
import { Sound } from "./sound.js";
import { symbol } from "./symbols.js";
import { clockTime, currentLanguage, LANGUAGES, loadWords, remaining, t } from "./words.js";

const SCREENS = ["line", "live", "history", "learning"];
/** Of everything but what moves; an alarm is drawn as soon as it comes. */
const UPDATE_MS = 100;
/** What moves, for those who want less of it. */
const SLOW_TICK_MS = 1000;
const TICK_MS = 66;
const RANK = { "read-only": 0, read_only: 0, operator: 1, maintainer: 2 };
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

class App {
  constructor(root, me) {
    this.root = root;
    this.me = me;
    this.clock = new StationClock();
    this.plant = new Plant(this.clock);
    this.keyboard = new Keyboard(this);
    this.sound = new Sound(this);
    this.chosenLine = null;
    this.isBlind = false;
    this.notices = new Map();
    this.feed = new Feed(
      (kind, data) => this.receive(kind, data),
      () => location.reload(),
    );
  }

  start() {
    this.build();
    this.feed.open();
    setInterval(() => this.update(), UPDATE_MS);
    document.addEventListener("visibilitychange", () => this.update());
    window.addEventListener("hashchange", () => this.route());
    this.route();
    this.animate();
  }

  /** All of the page but the dialogs; again when the language changes. */
  build() {
    this.screen?.close?.();
    this.answers = new Answers(this);
    this.health = new HealthBar(this);
    this.blind = new BlindOverlay(this);
    this.screens = new Map([["line", new LineScreen(this)]]);
    this.time = h("time", { class: "clock-time" });
    this.beat = h("span", { class: "clock-beat", "aria-hidden": "true" });
    this.clockBox = h("div", { class: "clock", role: "timer", "aria-live": "off" }, this.beat, this.time);
    this.nav = SCREENS.map((name) => h("a", { href: `#${name}`, "data-screen": name }, t(`nav.${name}`)));
    this.lineChoice = h("div", { class: "line-choice", role: "group", "aria-label": t("lines.title") });
    this.soundWords = h("span", { class: "sound-words" });
    this.soundSymbol = h("span");
    this.soundButton = h(
      "button",
      { type: "button", class: "plain sound-button", onclick: () => this.toggleSilence() },
      this.soundSymbol,
      this.soundWords,
    );
    this.noticeBox = h("div", { class: "page-notices", "aria-live": "polite" });
    this.toasts = h("div", { class: "toasts", "aria-live": "assertive" });
    this.main = h("main", { id: "main" });
    this.top = h(
      "header",
      { class: "top" },
      h("span", { class: "brand" }, "Vigitri"),
      h("nav", { "aria-label": t("nav.title") }, this.nav),
      this.lineChoice,
      h(
        "div",
        { class: "tools" },
        this.soundButton,
        languageButton(() => this.build()),
        h(
          "button",
          { type: "button", class: "plain", onclick: () => this.openSettings() },
          t("settings.open"),
        ),
      ),
      this.clockBox,
    );
    this.root.replaceChildren(
      this.top,
      this.health.element,
      this.noticeBox,
      this.main,
      this.answers.element,
      h("footer", { class: "disclaimer" }, t("disclaimer")),
      this.blind.element,
      this.toasts,
    );
    // BLIND begins beneath the health bar, however many lines that takes.
    this.heights?.disconnect();
    this.heights = new ResizeObserver(() => {
      const { bottom } = this.health.element.getBoundingClientRect();
      this.root.style.setProperty("--top", `${Math.max(0, bottom + window.scrollY)}px`);
    });
    this.heights.observe(this.health.element);
    this.heights.observe(this.top);
    this.names = undefined;
    this.soundKey = undefined;
    this.showNotices();
    if (this.screenName) this.route();
    this.update();
  }

  route() {
    const wanted = location.hash.slice(1);
    const name = SCREENS.includes(wanted) ? wanted : "line";
    this.screen?.close?.();
    this.screenName = name;
    document.body.dataset.screen = name;
    for (const link of this.nav) {
      if (link.dataset.screen === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this.openScreen(name);
  }

  /** The screens that are not always there are loaded when they are first opened. */
  async openScreen(name) {
    if (!this.screens.has(name)) {
      const module = await import(`./${name}_screen.js`);
      const made = Object.values(module).find((each) => /Screen$/.test(each.name));
      this.screens.set(name, new made(this));
    }
    if (this.screenName !== name) return;
    this.screen = this.screens.get(name);
    this.main.replaceChildren(this.screen.element);
    this.screen.open?.();
    this.update();
  }

  receive(kind, data) {
    const { plant } = this;
    if (kind === "clock" || kind === "hello") this.clock.add(nsToMs(data.server_utc_ns));
    if (kind === "hello") plant.hello(data);
    else if (kind === "clock") this.showClock();
    else if (kind === "line") plant.line(data);
    else if (kind === "alarms") plant.snapshot(data);
    else if (kind === "evidence") plant.evidence(data);
    else if (kind === "answer") this.answered(data);
    else if (kind === "learning") this.screens.get("learning")?.showRun(data);
    else if (kind === "alarm") {
      plant.alarm(data);
      this.update();
    }
  }

  answered(data) {
    this.plant.answer(data);
    if (data.state === "refused") {
      this.toast(t("answer.refused", { answer: t(`answer.${data.what}`), reason: data.error || "" }), "bad");
    }
    this.update();
  }

  /** The lines that this screen shows, in the order of the station. */
  shownLines() {
    const lines = [...this.plant.lines.values()];
    return this.chosenLine ? lines.filter((line) => line.name === this.chosenLine) : lines;
  }

  /** The line of the health bar: the chosen one, else the one that most needs a look. */
  shownLine() {
    const lines = this.shownLines();
    if (lines.length < 2) return lines[0] || null;
    const alarm = this.pressing();
    const watching = (line) => ["ready"].includes(line.reported?.vision);
    return (
      lines.find((line) => !watching(line)) ||
      lines.find((line) => line.name === alarm?.alert.line) ||
      lines[0]
    );
  }

  pressing() {
    return this.screens.get("line").pressing();
  }

  changed() {
    this.update();
  }

  update() {
    this.showLineChoice();
    this.isBlind = this.blind.update();
    this.health.update();
    this.screen?.update();
    this.answers.update();
    this.sound.update();
    this.showSound();
    if (this.clock.isStale) this.clockBox.classList.add("stale");
  }

  animate() {
    let last = 0;
    const frame = (now) => {
      // With less motion wanted, positions and countdowns go on in steps of a second.
      if (now - last >= (calm.matches ? SLOW_TICK_MS : TICK_MS)) {
        last = now;
        this.screen?.tick();
      }
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  /** Moved by the station's messages alone: a page that hangs shows a clock that stands. */
  showClock() {
    const now = this.clock.serverMs;
    setText(this.time, clockTime(now));
    this.beat.dataset.quarter = String(Math.floor(now / 250) % 4);
    this.clockBox.classList.remove("stale");
  }

  showLineChoice() {
    const names = [...this.plant.lines.keys()];
    const key = `${names.join("\n")}/${this.chosenLine}`;
    if (key === this.names) return;
    this.names = key;
    show(this.lineChoice, names.length > 1);
    const button = (name, words) =>
      h(
        "button",
        {
          type: "button",
          class: "plain",
          "aria-pressed": String(this.chosenLine === name),
          onclick: () => this.chooseLine(name),
        },
        words,
      );
    this.lineChoice.replaceChildren(
      button(null, t("lines.all")),
      ...names.map((name) => button(name, name)),
    );
  }

  chooseLine(name) {
    this.chosenLine = name;
    this.update();
  }

  showSound() {
    const silent = this.sound.silentMs();
    const blocked = this.sound.blocked;
    const words = blocked
      ? t("sound.blocked")
      : silent
        ? t("sound.silent_for", { time: remaining(silent) })
        : t("sound.on");
    if (words === this.soundKey) return;
    this.soundKey = words;
    setText(this.soundWords, words);
    this.soundSymbol.replaceChildren(symbol(blocked || silent ? "silent" : "sound"));
    this.soundButton.classList.toggle("abnormal", Boolean(blocked || silent));
    this.soundButton.setAttribute("aria-label", `${t("sound.title")}: ${words}`);
  }

  toggleSilence() {
    if (this.sound.blocked) return; // this very touch lets it sound
    this.sound.silence(this.sound.silentMs() ? 0 : 5);
  }

  choose(key) {
    this.screens.get("line").choose(key);
    this.update();
  }

  chooseNext(step) {
    const open = this.plant
      .open(this.chosenLine)
      .filter((each) => !this.plant.pending.has(each.key) && !SET_ASIDE.has(each.alert.state));
    if (!open.length) return;
    const at = open.findIndex((each) => each.key === this.pressing()?.key);
    this.choose(open[(at + step + open.length) % open.length].key);
  }

  /** An answer by key; true if there was an alarm to answer. */
  answerPressing(what) {
    const { card } = this.screens.get("line");
    const visible = this.screenName === "line" && card.known;
    if (!visible || document.querySelector("dialog[open]")) return false;
    if (performance.now() < card.settledAt) this.toast(t("answer.settling"));
    else this.answers.give(card.known.alert, what);
    return true;
  }

  may(role) {
    return (RANK[this.me.role] ?? -1) >= RANK[role];
  }

  async openWhy(alert) {
    if (!alert) return;
    const { openWhy } = await import("./why.js");
    openWhy(this, alert);
  }

  openShelving(alert) {
    openShelving(this, alert.line, alert.hazard);
  }

  openSettings() {
    openSettings(this);
  }

  /** A standing notice under the health bar; null takes it away. */
  notice(name, words, kind = "") {
    if (words) this.notices.set(name, { words, kind });
    else if (!this.notices.delete(name)) return;
    this.showNotices();
  }

  showNotices() {
    this.noticeBox.replaceChildren(
      ...[...this.notices.values()].map(({ words, kind }) =>
        h("p", { class: `page-notice ${kind}` }, kind === "blind" ? symbol("blind") : null, words),
      ),
    );
  }

  toast(words, kind = "") {
    const toast = h("p", { class: `toast ${kind}` }, kind === "bad" ? symbol("degraded") : null, words);
    this.toasts.append(toast);
    setTimeout(() => toast.remove(), kind === "bad" ? 10000 : 5000);
  }

  failed(error, words) {
    this.toast(`${words} ${this.reasonOf(error)}`, "bad");
  }

  reasonOf(error) {
    return reasonOf(error);
  }
}

function reasonOf(error) {
  if (error instanceof ApiError && error.status === 0) return t("error.no_station");
  if (error instanceof ApiError && error.status === 429) return t("error.too_often", { reason: error.message });
  if (error instanceof ApiError) return error.message;
  return error.message || t("error.no_station");
}

/** Changes the language and keeps it for this screen. */
function languageButton(rebuild) {
  const other = LANGUAGES.find((each) => each !== currentLanguage());
  const button = h("button", { type: "button", class: "plain language", lang: other }, t("language.other"));
  button.addEventListener("click", async () => {
    localStorage.setItem("language", other);
    await loadWords(other);
    document.title = t("page.title");
    rebuild();
  });
  return button;
}

async function whoIsThere(root) {
  const me = await get("/api/me");
  await loadWords(localStorage.getItem("language") || me.language || navigator.language.slice(0, 2));
  document.title = t("page.title");
  if (me.role) return me;
  await new Promise((resolve) => {
    const again = () => signIn(root, reasonOf, languageButton(again)).then(resolve);
    again();
  });
  return get("/api/me");
}

async function main() {
  const root = document.getElementById("page");
  try {
    const me = await whoIsThere(root);
    setCsrf(me.csrf);
    const app = new App(root, me);
    window.vigitri = app;
    app.start();
  } catch {
    // The station is away while the page loads: BLIND until it is back.
    document.getElementById("loading").hidden = false;
    setTimeout(() => location.reload(), 2000);
  }
}

main();
