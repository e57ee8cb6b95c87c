"""What is said of the belt's movement, held against each other: does all of it agree?

Encoder and picture are compared by the way that both say the belt has come over the same time, so
that neither's delay counts while the belt speeds up.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from detector.vocabulary import STOPPED_BELOW_MM_S, BeltState

DOUBTFUL: frozenset[BeltState] = frozenset(
    {
        "runs_ordered_to_stand",
        "reverses",
        "slips",
        "disagrees",
        "encoder_lost",
        "encoder_stuck",
        "encoder_backwards",
    }
)
"""Where and when things arrive can't be relied on: sight is degraded. A belt that stands although
it is ordered to run is a fault of the plant, and well seen."""
NO_ENCODER: frozenset[BeltState] = frozenset({"encoder_stuck", "encoder_backwards"})
"""The encoder is not believed then."""

MOVES_MM_S = 50.0
SHORT_NS, LONG_NS = 1_000_000_000, 5_000_000_000
"""Ways are compared over both: a short time finds a dead encoder, a long one a slow belt's slip."""
SURE_NS = 500_000_000
"""A state counts once it has held so long, or 3 s for a belt that runs on after a stop order."""
COASTS_NS = 3_000_000_000
SHARE, LEAST_MM = 0.03, 10.0
"""Ways differ if by more than this share and so many mm; picture and encoder are good to 1 %."""
SETTING_SHARE = 0.05
"""The same for a speed that was typed in."""


@dataclass(frozen=True, slots=True)
class Said:
    """What each says at one frame; None: it says nothing."""

    t_ns: int
    ordered: bool | None = None
    """The PLC's run signal."""
    encoder_mm: float | None = None
    """Position by the encoder."""
    picture_mm: float | None = None
    """How far the picture has moved; None while nothing in it can be followed."""
    encoder_mm_s: float | None = None
    picture_mm_s: float | None = None
    setting_mm_s: float | None = None
    apart: bool = False
    """Parts of the picture move apart, so that it says nothing of the belt."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the belt does, as far as is known."""

    state: BeltState = "unknown"
    reason: str | None = None
    """For a person, with the figures; None where nothing is amiss."""
    encoder_mm_s: float | None = None
    picture_mm_s: float | None = None
    setting_mm_s: float | None = None

    @property
    def doubtful(self) -> bool:
        return self.state in DOUBTFUL


_REASONS: dict[BeltState, str] = {
    "unknown": "the picture gives no speed: nothing on the belt can be followed",
    "stands_ordered_to_run": "the belt is ordered to run and stands ({speeds})",
    "runs_ordered_to_stand": "the belt is ordered to stand and runs ({speeds})",
    "reverses": "the belt runs backwards ({speeds}); if it does not, the encoder is wired the "
    "other way: give a negative belt.encoder_counts_per_mm",
    "slips": "{speeds}: the encoder's wheel or the belt slips, material hangs, or "
    "belt.encoder_counts_per_mm is wrong (`vigitri calibrate speed`)",
    "disagrees": "belt.speed_mm_s {setting}, picture {picture}: the belt stands without a word of "
    "the PLC, material hangs, or the setting is wrong (`vigitri calibrate speed`)",
    "encoder_lost": "the encoder is lost: is the bridge, or what reads it, running, and does the "
    "PLC write its registers 100 to 106?",
    "encoder_stuck": "the encoder stands while the belt is seen to move (picture {picture})",
    "encoder_backwards": "{speeds}: the encoder counts against the travel; is it wired the other "
    "way? Then give a negative belt.encoder_counts_per_mm",
}

_APART = (
    "the picture gives no speed: parts of it move apart (material hangs over the belt, or film is "
    "caught); an encoder would know"
)


class BeltCheck:
    """Judges from frame to frame; `has_encoder`: the profile names one."""

    def __init__(self, *, has_encoder: bool) -> None:
        self._has_encoder = has_encoder
        self._said: deque[Said] = deque()
        self._state: BeltState = "unknown"
        self._seeming: BeltState = "unknown"
        self._since_ns = 0

    def judge(self, said: Said) -> Finding:
        """Take in one frame's words, in the order of their time."""
        self._said.append(said)
        while said.t_ns - self._said[1 if len(self._said) > 1 else 0].t_ns >= LONG_NS:
            self._said.popleft()
        seeming = self._seems(said)
        if seeming != self._seeming:
            self._seeming, self._since_ns = seeming, said.t_ns
        held_ns = said.t_ns - self._since_ns
        sure_ns = COASTS_NS if seeming == "runs_ordered_to_stand" else SURE_NS
        plain = seeming in {"runs", "stands", "unknown"} and self._state not in DOUBTFUL
        if plain or seeming == "encoder_lost":
            sure_ns = 0
        if held_ns >= sure_ns:
            self._state = seeming
        return Finding(
            self._state,
            self._reason(said),
            said.encoder_mm_s,
            said.picture_mm_s,
            said.setting_mm_s,
        )

    def _seems(self, said: Said) -> BeltState:  # noqa: PLR0911 (a state a line)
        if self._has_encoder and said.encoder_mm is None:
            return "encoder_lost"
        amiss = self._amiss(SHORT_NS) or self._amiss(LONG_NS)
        if amiss is not None:
            return amiss
        speed = _first(said.encoder_mm_s, said.picture_mm_s, said.setting_mm_s)
        if speed is None:
            return "stands" if said.ordered is False else "unknown"
        if speed < -MOVES_MM_S:
            return "reverses"
        stands = abs(speed) < STOPPED_BELOW_MM_S
        if stands:
            return "stands_ordered_to_run" if said.ordered is True else "stands"
        seen = _first(said.encoder_mm_s, said.picture_mm_s)
        if said.ordered is False:
            return "runs_ordered_to_stand" if seen is not None and seen > MOVES_MM_S else "stands"
        return "runs"

    def _amiss(self, over_ns: int) -> BeltState | None:
        """What the ways over the last `over_ns` say together; None: they agree or aren't known."""
        ways = self._ways(over_ns)
        if ways is None:
            return None
        seconds, encoder_mm, picture_mm, setting_mm = ways
        if encoder_mm is None:
            off_mm = abs(picture_mm - (setting_mm or 0.0))
            wrong = setting_mm is not None and off_mm > SETTING_SHARE * abs(setting_mm) + LEAST_MM
            # Only over the long time: a belt needs some seconds to start and to stop.
            stopped = self._said[-1].ordered is False
            return "disagrees" if wrong and not stopped and over_ns == LONG_NS else None
        moves_mm = MOVES_MM_S * seconds
        if picture_mm > moves_mm and abs(encoder_mm) < STOPPED_BELOW_MM_S * seconds:
            return "encoder_stuck"
        if min(encoder_mm, picture_mm) < -moves_mm / 2 < moves_mm / 2 < max(encoder_mm, picture_mm):
            return "encoder_backwards"
        off_mm = abs(encoder_mm - picture_mm)
        return "slips" if off_mm > SHARE * abs(encoder_mm) + LEAST_MM else None

    def _ways(self, over_ns: int) -> tuple[float, float | None, float, float | None] | None:
        """Seconds, and mm by encoder, picture and setting, if the picture was known all along."""
        now = self._said[-1]
        since = next(
            (said for said in reversed(self._said) if now.t_ns - said.t_ns >= over_ns), None
        )
        if since is None or now.picture_mm is None or since.picture_mm is None:
            return None
        within = [said for said in self._said if said.t_ns >= since.t_ns]
        if any(said.picture_mm is None for said in within):
            return None
        seconds = (now.t_ns - since.t_ns) / 1e9
        encoder_mm = None
        if now.encoder_mm is not None and since.encoder_mm is not None:
            encoder_mm = now.encoder_mm - since.encoder_mm
        # Lost in between, it may have counted from somewhere else since.
        if self._has_encoder and any(said.encoder_mm is None for said in within):
            return None
        setting_mm = None if now.setting_mm_s is None else now.setting_mm_s * seconds
        return seconds, encoder_mm, now.picture_mm - since.picture_mm, setting_mm

    def _reason(self, said: Said) -> str | None:
        if self._state == "unknown" and said.apart:
            return _APART
        encoder, picture = _shown(said.encoder_mm_s), _shown(said.picture_mm_s)
        return (
            _REASONS.get(self._state, "").format(
                picture=picture,
                setting=_shown(said.setting_mm_s),
                speeds=f"encoder {encoder}, picture {picture}",
            )
            or None
        )


def _first(*speeds: float | None) -> float | None:
    return next((speed for speed in speeds if speed is not None), None)


def _shown(speed_mm_s: float | None) -> str:
    return "unknown" if speed_mm_s is None else f"{speed_mm_s:.0f} mm/s"
