// What is known of the lines: their states, open alarms and answers on their way.

import { BeltOdometer, nextArrival } from "./belt_time.js";
import { nsToMs } from "./clock.js";

export const SET_ASIDE = new Set(["shelved", "suppressed_by_design", "out_of_service"]);
const CALLS = new Set(["unacknowledged", "returned_unacknowledged"]);
const RANK = { high: 0, medium: 1, low: 2 };
const OUTCOMES = new Set(["removed", "false_alarm", "not_found"]);
/** Alerts of a line state have no object that could be removed or not found. */
const OF_OBJECTS = new Set(["gas", "battery"]);

export const keyOf = (alert) => `${alert.line}/${alert.boot_id}/${alert.event_id}`;

export class Plant {
  constructor(clock) {
    this.clock = clock;
    this.lines = new Map();
    this.alarms = new Map();
    this.pending = new Map();
    this.announced = null;
  }

  hello(message) {
    this.announced = (message.lines || []).map((each) =>
      typeof each === "string" ? each : each.line || each.name,
    );
    for (const name of this.announced) this.lineOf(name);
  }

  lineOf(name) {
    let line = this.lines.get(name);
    if (!line) {
      line = { name, odometer: new BeltOdometer(), reported: null, atMs: null, facts: null };
      this.lines.set(name, line);
    }
    return line;
  }

  line(message) {
    const line = this.lineOf(message.line);
    line.reported = message;
    line.atMs = this.clock.localNow();
    if (message.facts) line.facts = message.facts;
    const at = message.belt_t_utc_ns ? nsToMs(message.belt_t_utc_ns) : this.clock.now();
    line.odometer.report(message.belt_position_mm ?? null, message.belt_speed_mm_s ?? null, at);
  }

  /** One revision; true if it calls for the first time. */
  alarm(message) {
    const { alert } = message;
    const key = keyOf(alert);
    const known = this.alarms.get(key);
    if (known && known.alert.revision >= alert.revision) return false;
    if (alert.state === "normal") {
      this.alarms.delete(key);
      this.pending.delete(key);
      return false;
    }
    const evidence = known?.evidence || Boolean(message.evidence);
    const acknowledged = alert.kind === "acknowledged" || alert.state === "acknowledged";
    const now = {
      key,
      alert,
      evidence,
      evidenceId: alert.evidence_id || known?.evidenceId || null,
      acknowledged: acknowledged || Boolean(known?.acknowledged),
      publishedMs: nsToMs(message.published_utc_ns ?? alert.t_capture_utc_ns),
    };
    this.alarms.set(key, now);
    return callsFor(now) && !(known && callsFor(known)) && !alert.pile;
  }

  /** The open alarms of a line, or of all: those that are not among them have ended. */
  snapshot(message) {
    const messages = message.alarms || [];
    const open = new Set(messages.map((each) => keyOf(each.alert)));
    for (const [key, known] of this.alarms) {
      const theirs = !message.line || known.alert.line === message.line;
      if (theirs && !open.has(key)) this.alarms.delete(key);
    }
    return messages.filter((each) => this.alarm(each));
  }

  evidence(message) {
    const known = this.alarms.get(keyOf(message));
    if (!known) return;
    known.evidence = true;
    known.evidenceId = message.evidence_id;
  }

  /** An answer by this screen or another; an outcome waits until it can no longer be undone. */
  answer(message) {
    const key = message.boot_id ? keyOf(message) : this.keyByEvent(message);
    if (!key) return;
    const known = this.alarms.get(key);
    if (message.what === "seen" && known && message.state !== "refused") known.acknowledged = true;
    if (message.undone || message.what === "undo" || message.state === "refused") {
      this.pending.delete(key);
    } else if (OUTCOMES.has(message.what) && message.undo_until_utc_ns) {
      this.pending.set(key, {
        key,
        what: message.what,
        operator: message.operator,
        untilMs: nsToMs(message.undo_until_utc_ns),
        line: message.line,
        boot_id: message.boot_id || this.alarms.get(key)?.alert.boot_id,
        event_id: message.event_id,
        hazard: this.alarms.get(key)?.alert.hazard,
      });
    }
  }

  keyByEvent(message) {
    for (const [key, { alert }] of this.alarms) {
      if (alert.line === message.line && alert.event_id === message.event_id) return key;
    }
    return null;
  }

  /** Answers that can still be undone. */
  undoable(nowMs = this.clock.now()) {
    return [...this.pending.values()].filter((each) => each.untilMs > nowMs);
  }

  /** Open alarms of a line (or of all), the most pressing first; a pile is one. */
  open(lineName = null, nowMs = this.clock.now()) {
    return [...this.alarms.values()]
      .filter(({ alert }) => !alert.pile && (!lineName || alert.line === lineName))
      .map((known) => ({ known, urgency: this.urgency(known, nowMs) }))
      .sort((a, b) => compare(a.urgency, b.urgency))
      .map(({ known }) => known);
  }

  urgency(known, nowMs) {
    const { alert } = known;
    const odometer = this.lines.get(alert.line)?.odometer;
    const next = nextArrival(alert, odometer, nowMs);
    const answered = this.pending.has(known.key) || !callsFor(known);
    return [
      SET_ASIDE.has(alert.state) ? 1 : 0,
      answered ? 1 : 0,
      RANK[alert.priority] ?? 3,
      next && next.state === "past" ? 1 : 0,
      // By distance where the belt is stopped. What has no deadline can wait for what has one.
      next ? (next.actMs ?? next.distance ?? 0) : Infinity,
      Number(alert.t_raised_utc_ns),
    ];
  }

  /** The alarm that is shown large: the most pressing one that is not set aside or answered. */
  pressing(lineName = null, nowMs = this.clock.now()) {
    const first = this.open(lineName, nowMs)[0];
    if (!first || SET_ASIDE.has(first.alert.state) || this.pending.has(first.key)) return null;
    return first;
  }
}

function compare(a, b) {
  for (let index = 0; index < a.length; index += 1) {
    if (a[index] !== b[index]) return a[index] < b[index] ? -1 : 1;
  }
  return 0;
}

/** Whether an alarm still calls. A gas bottle that has left the view is latched, seen or not. */
export function callsFor({ alert, acknowledged }) {
  return CALLS.has(alert.state) || (alert.state === "latched" && !acknowledged);
}

export const takesOutcome = (alert) => OF_OBJECTS.has(alert.hazard);
