// Sound by WebAudio. Silenced for a stated time, and never for gas.

import { callsFor } from "./plant.js";

/** Tones in Hz with start and length in s, and the pause until they are repeated, by what calls. */
const PATTERNS = {
  gas: { every: 1.6, tones: [[988, 0, 0.16], [740, 0.2, 0.16], [988, 0.4, 0.16], [740, 0.6, 0.16]] },
  high: { every: 2.5, tones: [[880, 0, 0.18], [880, 0.28, 0.18]] },
  medium: { every: 6, tones: [[587, 0, 0.22]] },
  low: { every: 20, tones: [[440, 0, 0.15]] },
  blind: { every: 4, tones: [[220, 0, 0.35], [165, 0.4, 0.5]] },
};
const ORDER = ["gas", "high", "blind", "medium", "low"];

export class Sound {
  constructor(app) {
    this.app = app;
    this.context = null;
    this.silentUntil = Number(localStorage.getItem("silent_until")) || 0;
    this.nextAt = 0;
    this.playing = null;
    this.played = 0;
    // A browser lets a page sound only after it has been touched.
    const unlock = () => this.unlock();
    for (const event of ["pointerdown", "keydown"]) {
      document.addEventListener(event, unlock, { capture: true });
    }
    this.unlock();
  }

  unlock() {
    if (!("AudioContext" in window)) return;
    this.context ??= new AudioContext();
    if (this.context.state === "suspended") this.context.resume().catch(() => {});
  }

  get blocked() {
    return !this.context || this.context.state !== "running";
  }

  /** Ms for which this screen is still silent; gas sounds all the same. */
  silentMs() {
    return Math.max(0, this.silentUntil - Date.now());
  }

  silence(minutes) {
    this.silentUntil = minutes ? Date.now() + minutes * 60000 : 0;
    localStorage.setItem("silent_until", String(this.silentUntil));
    this.app.changed();
  }

  /** What calls loudest now; null: nothing. */
  calling() {
    const { plant } = this.app;
    const calls = new Set();
    for (const known of plant.open()) {
      const { alert } = known;
      if (!callsFor(known) || plant.pending.has(known.key)) continue;
      if (alert.hazard !== "vision_unavailable") {
        calls.add(alert.hazard === "gas" ? "gas" : alert.priority);
      }
    }
    if (this.app.isBlind) calls.add("blind");
    if (this.silentMs() > 0) return calls.has("gas") ? "gas" : null;
    return ORDER.find((each) => calls.has(each)) || null;
  }

  /** Called several times a second. */
  update() {
    const name = this.calling();
    if (name !== this.playing) {
      this.playing = name;
      this.nextAt = 0;
    }
    document.body.dataset.sounds = name || "none";
    if (!name || this.blocked || performance.now() < this.nextAt) return;
    this.nextAt = performance.now() + PATTERNS[name].every * 1000;
    this.play(PATTERNS[name].tones);
  }

  play(tones) {
    this.played += 1;
    const start = this.context.currentTime + 0.02;
    for (const [hertz, from, length] of tones) {
      const tone = this.context.createOscillator();
      const gain = this.context.createGain();
      tone.type = "square";
      tone.frequency.value = hertz;
      // Ramps instead of steps: no clicks from the loudspeaker.
      gain.gain.setValueAtTime(0, start + from);
      gain.gain.linearRampToValueAtTime(0.25, start + from + 0.015);
      gain.gain.setValueAtTime(0.25, start + from + length - 0.03);
      gain.gain.linearRampToValueAtTime(0, start + from + length);
      tone.connect(gain).connect(this.context.destination);
      tone.start(start + from);
      tone.stop(start + from + length + 0.05);
    }
  }
}
