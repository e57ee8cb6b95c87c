// Live: the masked picture a few times a second, only while this screen is open.

import { h, setText, show } from "./dom.js";
import { drawImage, fetchImage } from "./image.js";
import { clockTime, t } from "./words.js";

const EVERY_MS = 250;
const STALE_MS = 2000;

export class LiveScreen {
  constructor(app) {
    this.app = app;
    this.picture = h("canvas", {
      class: "live-picture",
      role: "img",
      "aria-label": t("live.alt"),
    });
    this.state = h("p", { class: "live-state", "aria-live": "polite" });
    this.element = h(
      "div",
      { class: "screen live-screen" },
      h("h1", {}, t("nav.live")),
      h("p", { class: "hint" }, t("live.words")),
      h("div", { class: "live-frame" }, this.picture, this.state),
    );
    this.timer = null;
    this.seenMs = null;
  }

  open() {
    this.isOpen = true;
    this.seenMs = null;
    this.openedMs = performance.now();
    this.next();
  }

  close() {
    this.isOpen = false;
    clearTimeout(this.timer);
    this.request?.abort();
  }

  /** One picture after another: a slow network gets fewer, never a queue of old ones. */
  async next() {
    if (!this.isOpen) return;
    const started = performance.now();
    const line = this.app.shownLine();
    try {
      if (line && !document.hidden) await this.fetch(line.name);
    } catch (failure) {
      if (this.isOpen) this.failure = this.app.reasonOf(failure);
    }
    const wait = Math.max(50, EVERY_MS - (performance.now() - started));
    this.timer = setTimeout(() => this.next(), this.failure ? 1000 : wait);
  }

  async fetch(name) {
    this.request = new AbortController();
    const image = await fetchImage(`/api/live/${encodeURIComponent(name)}`, {
      cache: "no-store",
      signal: this.request.signal,
    });
    if (!image) return;
    drawImage(this.picture, image);
    this.seenMs = performance.now();
    this.atMs = this.app.clock.now();
    this.failure = null;
  }

  update() {
    this.tick();
  }

  tick() {
    const now = performance.now();
    const fresh = this.seenMs !== null && now - this.seenMs < STALE_MS;
    this.element.classList.toggle("stale", !fresh);
    show(this.picture, this.seenMs !== null);
    if (fresh) setText(this.state, t("live.at", { time: clockTime(this.atMs) }));
    else if (this.failure) setText(this.state, t("live.failed", { reason: this.failure }));
    else setText(this.state, t(now - this.openedMs < STALE_MS ? "live.waiting" : "live.none"));
  }
}
