"""Plausibility check of the belt's motion: compares run signal, encoder, image and setting.

Encoder and image are compared by their travel over the same time, so that the delay of either does
not matter while the belt accelerates.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from detector.counter import CounterFault
from detector.vocabulary import STOPPED_BELOW_MM_S, BeltState

DOUBTFUL: frozenset[BeltState] = frozenset(
    {
        "runs_ordered_to_stop",
        "reverses",
        "slips",
        "disagrees",
        "encoder_lost",
        "encoder_stuck",
        "encoder_backwards",
    }
)
"""Positions and arrival times are unreliable: vision is degraded. A belt stopped against its order
is not among them: that is a fault of the plant, and the belt is still watched."""
NO_ENCODER: frozenset[BeltState] = frozenset({"encoder_lost", "encoder_stuck", "encoder_backwards"})
"""The encoder is not used in these states."""

MOVES_MM_S = 50.0
SHORT_NS, LONG_NS = 1_000_000_000, 5_000_000_000
"""Travel is compared over both: a short time finds a dead encoder, a long one the slip of a slow
belt."""
KEPT_NS = LONG_NS + 1_000_000_000
"""The last image that was tracked may be this much older than the last frame."""
CONFIRM_NS = 500_000_000
"""A state is reported after this time; `COAST_NS` (3 s) for a belt that runs on after a stop
order."""
COAST_NS = 3_000_000_000
SHARE, TOLERANCE_MM = 0.03, 10.0
"""Travels differ if by more than this share plus this distance; image and encoder are accurate to
1 %."""
SETTING_SHARE = 0.05
"""Like `SHARE`, for a speed typed into the profile."""


@dataclass(frozen=True, slots=True)
class BeltMeasurements:
    """All measurements of the belt at one frame; None: not available."""

    t_ns: int
    ordered: bool | None = None
    """The PLC's run signal."""
    encoder_mm: float | None = None
    """Belt position by the encoder."""
    image_mm: float | None = None
    """Belt position by the image; None while nothing in it can be tracked."""
    encoder_mm_s: float | None = None
    image_mm_s: float | None = None
    setting_mm_s: float | None = None
    inconsistent: bool = False
    """Parts of the image move differently, so that it gives no belt motion."""
    counter_fault: CounterFault | None = None
    """How the encoder's counter is read wrongly."""
    tracked: bool = True
    """The image was tracked in this frame; otherwise `image_mm` is that of an earlier one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """State of the belt, and the speeds on which it rests."""

    state: BeltState = "unknown"
    reason: str | None = None
    """For people, with the figures; None if there is no fault."""
    encoder_mm_s: float | None = None
    image_mm_s: float | None = None
    setting_mm_s: float | None = None
    counter_fault: CounterFault | None = None
    """How the encoder's counter is read wrongly, whatever the state is now."""

    @property
    def doubtful(self) -> bool:
        return self.state in DOUBTFUL


_REASONS: dict[BeltState, str] = {
    "unknown": "the image gives no speed: nothing on the belt can be tracked",
    "stopped_ordered_to_run": "the belt is ordered to run and is stopped ({speeds})",
    "runs_ordered_to_stop": "the belt is ordered to stop and runs ({speeds})",
    "reverses": "the belt runs backwards ({speeds}); if it does not, the encoder is wired in "
    "reverse: make belt.encoder_counts_per_mm negative",
    "slips": "{speeds}: the measuring wheel or the belt slips, material is stationary, or "
    "belt.encoder_counts_per_mm is wrong (`vigitri calibrate speed`)",
    "disagrees": "belt.speed_mm_s {setting}, image {image}: the belt is stopped without a stop "
    "order of the PLC, material is stationary, or the setting is wrong (`vigitri calibrate speed`)",
    "encoder_lost": "no encoder readings: check that the bridge, or the program that reads the "
    "encoder, is running, and that the PLC writes registers 100 to 106, in one request",
    "encoder_stuck": "the encoder does not count while the belt moves (image {image})",
    "encoder_backwards": "{speeds}: the encoder counts against the travel; if it is wired in "
    "reverse, make belt.encoder_counts_per_mm negative",
}

_INCONSISTENT = (
    "the image gives no speed: parts of it move differently (material is stationary above the "
    "belt, or film is caught); an encoder would give the speed"
)


class BeltCheck:
    """Checks the belt frame by frame; `has_encoder`: the profile has an encoder."""

    def __init__(self, *, has_encoder: bool) -> None:
        self._has_encoder = has_encoder
        self._history: deque[BeltMeasurements] = deque()
        self._state: BeltState = "unknown"
        self._candidate: BeltState = "unknown"
        self._since_ns = 0

    def update(self, measured: BeltMeasurements) -> Finding:
        """Evaluate one frame; frames must be in order of time."""
        self._history.append(measured)
        while len(self._history) > 1 and measured.t_ns - self._history[1].t_ns >= KEPT_NS:
            self._history.popleft()
        candidate = self._state_at(measured)
        if candidate != self._candidate:
            self._candidate, self._since_ns = candidate, measured.t_ns
        lasted_ns = measured.t_ns - self._since_ns
        confirm_ns = COAST_NS if candidate == "runs_ordered_to_stop" else CONFIRM_NS
        plain = candidate in {"runs", "stopped", "unknown"} and self._state not in DOUBTFUL
        if plain or candidate == "encoder_lost":
            confirm_ns = 0
        if lasted_ns >= confirm_ns:
            self._state = candidate
        return Finding(
            self._state,
            self._reason(measured),
            measured.encoder_mm_s,
            measured.image_mm_s,
            measured.setting_mm_s,
            measured.counter_fault,
        )

    def _state_at(self, measured: BeltMeasurements) -> BeltState:  # noqa: PLR0911
        if self._has_encoder and measured.encoder_mm is None:
            return "encoder_lost"
        fault = self._contradiction(SHORT_NS) or self._contradiction(LONG_NS)
        if fault is not None:
            return fault
        speed = _first(measured.encoder_mm_s, measured.image_mm_s, measured.setting_mm_s)
        if speed is None:
            return "stopped" if measured.ordered is False else "unknown"
        if speed < -MOVES_MM_S:
            return "reverses"
        stopped = abs(speed) < STOPPED_BELOW_MM_S
        if stopped:
            return "stopped_ordered_to_run" if measured.ordered is True else "stopped"
        measured_mm_s = _first(measured.encoder_mm_s, measured.image_mm_s)
        if measured.ordered is False:
            return (
                "runs_ordered_to_stop"
                if measured_mm_s is not None and measured_mm_s > MOVES_MM_S
                else "stopped"
            )
        return "runs"

    def _contradiction(self, over_ns: int) -> BeltState | None:
        """Fault by the travels over the last `over_ns`; None: they agree, or are unknown."""
        travels = self._travels(over_ns)
        if travels is None:
            return None
        seconds, encoder_mm, image_mm, setting_mm = travels
        if encoder_mm is None:
            off_mm = abs(image_mm - (setting_mm or 0.0))
            wrong = (
                setting_mm is not None and off_mm > SETTING_SHARE * abs(setting_mm) + TOLERANCE_MM
            )
            # Only over the long time: a belt needs some seconds to start and stop.
            stopped = self._history[-1].ordered is False
            return "disagrees" if wrong and not stopped and over_ns == LONG_NS else None
        moves_mm = MOVES_MM_S * seconds
        if image_mm > moves_mm and abs(encoder_mm) < STOPPED_BELOW_MM_S * seconds:
            return "encoder_stuck"
        if min(encoder_mm, image_mm) < -moves_mm / 2 < moves_mm / 2 < max(encoder_mm, image_mm):
            return "encoder_backwards"
        off_mm = abs(encoder_mm - image_mm)
        return "slips" if off_mm > SHARE * abs(encoder_mm) + TOLERANCE_MM else None

    def _travels(self, over_ns: int) -> tuple[float, float | None, float, float | None] | None:
        """Seconds, and mm by encoder, image and setting; None if the image has a gap."""
        # Positions by the image are current where it was tracked only.
        tracked = [measured for measured in self._history if measured.tracked]
        if not tracked:
            return None
        now = tracked[-1]
        since = next((each for each in reversed(tracked) if now.t_ns - each.t_ns >= over_ns), None)
        if since is None or now.image_mm is None or since.image_mm is None:
            return None
        within = [measured for measured in self._history if measured.t_ns >= since.t_ns]
        if any(measured.image_mm is None for measured in within):
            return None
        seconds = (now.t_ns - since.t_ns) / 1e9
        encoder_mm = None
        if now.encoder_mm is not None and since.encoder_mm is not None:
            encoder_mm = now.encoder_mm - since.encoder_mm
        # After a loss in between, the counter may have restarted at another value.
        if self._has_encoder and any(measured.encoder_mm is None for measured in within):
            return None
        setting_mm = None if now.setting_mm_s is None else now.setting_mm_s * seconds
        return seconds, encoder_mm, now.image_mm - since.image_mm, setting_mm

    def _reason(self, measured: BeltMeasurements) -> str | None:
        if self._state == "unknown" and measured.inconsistent:
            return _INCONSISTENT
        if self._state == "encoder_lost" and measured.counter_fault is not None:
            return str(measured.counter_fault)
        encoder, image = _shown(measured.encoder_mm_s), _shown(measured.image_mm_s)
        return (
            _REASONS.get(self._state, "").format(
                image=image,
                setting=_shown(measured.setting_mm_s),
                speeds=f"encoder {encoder}, image {image}",
            )
            or None
        )


def _first(*speeds: float | None) -> float | None:
    return next((speed for speed in speeds if speed is not None), None)


def _shown(speed_mm_s: float | None) -> str:
    return "unknown" if speed_mm_s is None else f"{speed_mm_s:.0f} mm/s"
