// Keys, and a USB button box that sends keys.

import { ANSWERS } from "./answers.js";

const DEFAULT_KEYS = ["1", "2", "3", "4"];
/** Of a number pad the same digit. */
const digitOf = (event) => (/^Numpad\d$/.test(event.code) ? event.code.slice(6) : event.key);

export class Keyboard {
  constructor(app) {
    this.app = app;
    this.keys = this.stored();
    this.learning = null;
    document.addEventListener("keydown", (event) => this.press(event));
  }

  stored() {
    try {
      const keys = JSON.parse(localStorage.getItem("answer_keys"));
      if (Array.isArray(keys) && keys.length === 4 && keys.every((k) => typeof k === "string")) {
        return keys;
      }
    } catch {
      // Unreadable: the defaults.
    }
    return [...DEFAULT_KEYS];
  }

  labelOf(index) {
    const key = this.keys[index];
    return key === " " ? "␣" : key;
  }

  assign(index, key) {
    // A key gives one answer: it changes places with the one that had it.
    const other = this.keys.indexOf(key);
    if (other >= 0) this.keys[other] = this.keys[index];
    this.keys[index] = key;
    localStorage.setItem("answer_keys", JSON.stringify(this.keys));
    this.app.changed();
  }

  reset() {
    this.keys = [...DEFAULT_KEYS];
    localStorage.removeItem("answer_keys");
    this.app.changed();
  }

  /** Takes the next key for `assign`; Escape leaves it as it is. */
  learn(index, done) {
    this.learning = { index, done };
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.learning) {
      if (event.key === "Tab" || event.key === "Shift") return;
      event.preventDefault();
      event.stopPropagation();
      const { index, done } = this.learning;
      this.learning = null;
      if (event.key !== "Escape") this.assign(index, digitOf(event));
      done();
      return;
    }
    const typing = event.target.closest?.("input:not([type=checkbox]), select, textarea");
    if (typing) return;
    const index = this.keys.indexOf(digitOf(event));
    // A button held down answers once.
    if (index >= 0 && !event.repeat) {
      if (this.app.answerPressing(ANSWERS[index])) event.preventDefault();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    const acts = {
      u: () => this.app.answers.undoLast(),
      w: () => this.app.openWhy(this.app.pressing()?.alert),
      ArrowDown: () => this.app.chooseNext(1),
      ArrowUp: () => this.app.chooseNext(-1),
      "?": () => this.app.openSettings(),
    };
    const act = acts[event.key];
    if (!act || (event.key.startsWith("Arrow") && this.app.screenName !== "line")) return;
    event.preventDefault();
    act();
  }
}
