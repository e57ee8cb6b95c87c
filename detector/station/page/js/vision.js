// Whether a line's belt is being watched, by what has come and by what has not.

const WATCHING = new Set(["ready", "degraded"]);
/** A line of which nothing has come for this long is BLIND, though the station's clock goes on. */
const LINE_SILENT_MS = 1500;
/** Age of the detector's last word from which the line is BLIND, whatever it said last. */
const DETECTOR_SILENT_MS = 3000;

/**
 * `{state: "ready" | "degraded" | "blind", cause, reason}`. `cause` is a key of the texts
 * (`blind.…`); `reason` what the detector itself says.
 */
export function visionOf(line, clock) {
  if (!clock.known) return blind("connecting", null);
  if (clock.isStale) return blind("station", null);
  const reported = line?.reported;
  if (!reported) return blind("nothing_received", null);
  if (clock.localNow() - line.atMs > LINE_SILENT_MS) return blind("line_silent", null);
  const { vision, reason, stale_ms: staleMs } = reported;
  if (vision === "starting") return blind("starting", reason);
  if (vision === "unknown") return blind("unknown", reason);
  if (!WATCHING.has(vision)) return blind("unavailable", reason);
  if (staleMs !== null && staleMs > DETECTOR_SILENT_MS) return blind("detector_silent", reason);
  return { state: vision, cause: null, reason };
}

function blind(cause, reason) {
  return { state: "blind", cause, reason: reason || null };
}
