// Where an object is now, and when it reaches the action points: by belt travel, not by the clock,
// so that a stopped belt stops the countdown.

import { nsToMs } from "./clock.js";

const STOPPED_BELOW_MM_S = 5;

/** Belt travel of a line, continued at its speed since it was last reported. */
export class BeltOdometer {
  constructor() {
    this.position = null;
    this.speed = null;
    this.atMs = 0;
  }

  /** `atMs`: the station's UTC to which the position belongs. */
  report(position, speed, atMs) {
    // Repeated unchanged while the line reports once a second: not a belt that has jumped back.
    const changed = position !== this.reported || speed !== this.speed;
    this.reported = position;
    this.speed = speed;
    if (changed || position === null) {
      this.position = position;
      this.atMs = atMs;
    }
  }

  get moves() {
    return this.speed !== null && Math.abs(this.speed) >= STOPPED_BELOW_MM_S;
  }

  now(nowMs) {
    if (this.position === null || this.position === undefined) return null;
    if (!this.moves) return this.position;
    // Without reports the line is BLIND, but its belt goes on all the same.
    return this.position + (this.speed * Math.max(0, nowMs - this.atMs)) / 1000;
  }
}

/** Belt travel since the alert's place was true, mm; null where unknown. */
export function travelled(alert, odometer, nowMs) {
  const place = alert.place;
  if (!place) return null;
  const restored = place.t_utc_ns !== null && place.t_utc_ns !== undefined;
  const position = odometer ? odometer.now(nowMs) : null;
  if (!restored && position !== null && place.belt_position_mm !== null) {
    const travel = position - place.belt_position_mm;
    // Positions restart with the detector; one from another start says nothing here.
    if (travel > -2000) return travel;
  }
  const speed = alert.arrivals.length ? alert.arrivals[0].speed_mm_s : null;
  if (speed === null) return null;
  const since = nowMs - nsToMs(restored ? place.t_utc_ns : alert.t_capture_utc_ns);
  return (speed * since) / 1000;
}

/** Position along the travel now, mm from the upstream end of the view. */
export function positionNow(alert, odometer, nowMs) {
  const travel = travelled(alert, odometer, nowMs);
  if (travel === null || alert.place.y_mm === null) return null;
  return alert.place.y_mm + travel;
}

/**
 * Each action point with the time left to act and until arrival, ms; `null` times while the belt is
 * stopped. `state`: `act` (still in time), `late` (too late to act, not there yet) or `past`.
 */
export function arrivalsNow(alert, odometer, nowMs) {
  const travel = travelled(alert, odometer, nowMs);
  return alert.arrivals.map((arrival) => {
    const acting = arrival.eta_ms - arrival.act_by_ms;
    const known = odometer && odometer.speed !== null && odometer.position !== null;
    const speed = known ? odometer.speed : arrival.speed_mm_s;
    const distance = travel === null ? null : arrival.distance_mm - travel;
    if (distance === null) {
      const eta = arrival.eta_ms - (nowMs - nsToMs(alert.t_capture_utc_ns));
      return timed(arrival, null, eta, eta - acting);
    }
    if (distance <= 0) return { name: arrival.action_point, state: "past", distance };
    if (Math.abs(speed) < STOPPED_BELOW_MM_S) {
      return { name: arrival.action_point, state: "act", distance, etaMs: null, actMs: null };
    }
    const eta = (distance / speed) * 1000;
    return timed(arrival, distance, eta, eta - acting);
  });
}

function timed(arrival, distance, etaMs, actMs) {
  const state = etaMs <= 0 ? "past" : actMs <= 0 ? "late" : "act";
  return { name: arrival.action_point, state, distance, etaMs, actMs };
}

/** The arrival that the countdown shows: the next in time, else the last still ahead. */
export function nextArrival(alert, odometer, nowMs) {
  const all = arrivalsNow(alert, odometer, nowMs);
  const inTime = all.filter((each) => each.state === "act");
  const by = (each) => each.actMs ?? each.distance;
  if (inTime.length) return inTime.reduce((a, b) => (by(b) < by(a) ? b : a));
  const late = all.filter((each) => each.state === "late");
  if (late.length) return late.reduce((a, b) => (b.etaMs > a.etaMs ? b : a));
  return all.length ? { ...all[all.length - 1], state: "past" } : null;
}
