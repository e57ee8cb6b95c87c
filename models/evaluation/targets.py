"""The targets of a model, and what it reached; one row each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from detector.vocabulary import CLASSES

BATTERY_AP50 = BATTERY_RECALL = 0.92
GAS_AP50, CLEAR_RECALL = 0.70, 0.90
BELT_SCALE_LOSS = 0.05
SCENE_RECALL = 0.97
MS_PER_QUARTER_MEGAPIXEL = 15.0
UNOBSTRUCTED = "lies clear"
WELL_SEEN = "visible 50 % or more, 25 px or longer"
_BELT_SCALE = "photographs_at_belt_scale"
HOW = (
    "Photographs: at the size (named in the row, the same for all rows of a class) whose worst "
    "figure is nearest to its target or furthest above it. At belt scale: 0.05 less than there is "
    "allowed. Whether a target is met depends on the figure itself, not on its interval. "
    "Unobstructed cylinders, scenes, intervals: see below."
)


@dataclass(frozen=True)
class Target:
    """One row. met: None if it was not measured; `reached` then has the reason."""

    what: str
    wanted: str
    reached: str
    met: bool | None


def at_least(what: str, wanted: float, reached: float, text: str = "") -> Target:
    """A figure with a lower limit. text: how to show it, for example with an interval."""
    return Target(what, f">= {wanted:g}", text or f"{reached:.3f}", reached >= wanted)


def targets_page(targets: Sequence[Target]) -> str:
    """The rows with an explanation, as Markdown."""
    return f"## Targets\n\n{targets_table(targets)}\n\n{HOW}"


def targets_table(targets: Sequence[Target]) -> str:
    """The rows as Markdown."""
    met = {True: "met", False: "**not met**", None: "not measured"}
    rows = [f"| {t.what} | {t.wanted} | {t.reached} | {met[t.met]} |" for t in targets]
    return "\n".join(["| what | target | reached | |", "|---|---|---|---|", *rows])


def as_json(targets: Sequence[Target]) -> list[dict[str, Any]]:
    """The rows as plain figures."""
    return [asdict(target) for target in targets]


def image_targets(report: dict[str, Any]) -> list[Target]:
    """The rows for single images. report: from `evaluate.build_report`."""
    sets = report["sets"]
    rows = []
    for asked in (_battery, _gas):
        best = _best_photographs(sets, asked)
        large = list(asked(sets[best])) if best else []
        rows += [at_least(f"{row[0]}, {best}", *row[1:]) for row in large]
        if _BELT_SCALE in sets:
            reduced = asked(sets[_BELT_SCALE])
            for (what, _, there, *_), (_, _, here, text) in zip(large, reduced, strict=False):
                wanted = round(there - BELT_SCALE_LOSS, 3)
                rows.append(at_least(f"{what}, the same at belt scale", wanted, here, text))
    return [*rows, *_scenes(sets), *_frames(sets), *_time(report)]


_Goal = tuple[str, float, float, str]
"""What, target, reached, text of what was reached."""


def _battery(figures: dict[str, Any]) -> Iterator[_Goal]:
    row = figures["battery"]
    if row["boxes"]:
        yield "battery: AP50", BATTERY_AP50, row["ap50"], f"{row['ap50']:.3f}"
        yield "battery: recall at <= 0.2 false per image", BATTERY_RECALL, *_recall(row, 0.2)


def _gas(figures: dict[str, Any]) -> Iterator[_Goal]:
    row = figures["gas_canister"]
    if row["boxes"]:
        yield "gas: AP50", GAS_AP50, row["ap50"], f"{row['ap50']:.3f}"
    clear = row.get("of", {}).get(UNOBSTRUCTED)
    if clear:
        what = "unobstructed cylinders: recall at <= 0.2 false per image"
        yield what, CLEAR_RECALL, *_recall(clear, 0.2)


def _recall(row: dict[str, Any], budget: float) -> tuple[float, str]:
    share, low, high = row[f"recall_at_{budget}"]
    return share, f"{share:.3f} ({low:.3f} to {high:.3f}, {row['boxes']} boxes)"


def _best_photographs(sets: dict[str, Any], asked: Any) -> str | None:
    worst = {
        name: min((reached - wanted for _, wanted, reached, _ in asked(figures)), default=None)
        for name, figures in sets.items()
        if name.startswith("photographs") and name != _BELT_SCALE
    }
    known = {name: lead for name, lead in worst.items() if lead is not None}
    return max(known, key=known.__getitem__, default=None)


def _scenes(sets: dict[str, Any]) -> Iterator[Target]:
    for name, short in CLASSES.items():
        row = sets.get("scenes", {}).get(name, {}).get("of", {}).get(WELL_SEEN)
        if row:
            what = (
                f"{short}, held-back cut-outs on held-back belts, {WELL_SEEN}: recall at <= 0.05 "
            )
            yield at_least(f"{what}false per image", SCENE_RECALL, *_recall(row, 0.05))


def _frames(sets: dict[str, Any]) -> Iterator[Target]:
    for name, figures in sets.items():
        if name.startswith("frames"):
            scale = name.removeprefix("frames_at_").removesuffix("_mm_per_px")
            images = figures["images"]
            counts = {
                short: round(figures[label]["false_per_image"] * images)
                for label, short in CLASSES.items()
            }
            text = ", ".join(f"{count} {short}" for short, count in counts.items())
            yield Target(
                f"held-back belt frames at {scale} mm/px: false boxes at the operating threshold",
                "0", f"{text} in {images}", not any(counts.values()),
            )  # fmt: skip


def _time(report: dict[str, Any]) -> Iterator[Target]:
    speed = report.get("speed")
    if speed:
        ms = speed["ms_per_quarter_megapixel"]
        text = f"{ms:.1f} ({speed['how']})"
        wanted = f"<= {MS_PER_QUARTER_MEGAPIXEL:g}"
        yield Target("ms per 0.25 megapixel", wanted, text, ms <= MS_PER_QUARTER_MEGAPIXEL)
