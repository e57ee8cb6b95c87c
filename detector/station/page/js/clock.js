// The station's clock, as this page knows it.

/** Clock messages kept for the estimate: ten seconds. A step of the station's clock is followed
 * after as long; until then the page is BLIND rather than wrong. */
const KEPT = 40;
/** Without a clock for this long the page shows BLIND; the limit for all of it is one second. */
export const STALE_MS = 850;

export class StationClock {
  constructor(localNow = () => performance.now()) {
    this.localNow = localNow;
    this.offsets = [];
    this.receivedMs = null;
    this.serverMs = null;
    this.startedMs = localNow();
  }

  /** A clock message has come, with the station's UTC in ms. */
  add(serverMs) {
    const now = this.localNow();
    this.receivedMs = now;
    this.serverMs = serverMs;
    this.offsets.push(serverMs - now);
    if (this.offsets.length > KEPT) this.offsets.shift();
  }

  get known() {
    return this.serverMs !== null;
  }

  /** The station's UTC now, ms. The message that was least delayed gives the best estimate. */
  now() {
    if (!this.known) return Date.now();
    return this.localNow() + Math.max(...this.offsets);
  }

  /** How old the station's last word is, ms: silent, or delivered late by a network that stalls. */
  ageMs() {
    const now = this.localNow();
    if (!this.known) return now - this.startedMs;
    return Math.max(now - this.receivedMs, this.now() - this.serverMs);
  }

  get isStale() {
    return this.ageMs() > STALE_MS;
  }
}

export const nsToMs = (ns) => Number(ns) / 1e6;
