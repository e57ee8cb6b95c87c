"""Vigitri's simulated sorting line: objects, belt, camera and ground truth.

    import twin

    scenario = twin.load(twin.find("calm"))
    for frame in twin.SimulatedLine(scenario).run():
        frame.image              # uint8 BGR (h, w, 3)
        frame.truth["objects"]   # hazards in view: box_px, class, visible, y_mm
    twin.render(twin.find("demo"), Path("out"))   # clip, truth, encoder, profile (extra `twin`)
    cell = twin.draw("aa_cell", np.random.default_rng(1), px_per_mm=1.0)  # uint8 BGRA

Lowest floor: imports nothing else of the project. Every image is drawn or path-traced from
geometry; no photographs are used. PyAV and Blender (`bpy`) are imported only when a clip is written
or an object is traced.
"""

from twin.drawn.objects import HAZARDS, WASTE, draw
from twin.line.clip import ClipError, ClipWriter
from twin.line.line import SimulatedFrame, SimulatedLine, frames
from twin.line.render import load_with_overrides, render
from twin.line.scenario import Scenario, ScenarioError, Video, find, load
from twin.line.supply import traced_folders
from twin.traced.bundle import (
    HEIGHT_UNITS_PER_MM,
    BundleError,
    Facts,
    StripObject,
    load_strip,
    read_facts,
    read_layer,
    write_facts,
    write_image,
)
from twin.traced.plan import PlanError, StripPlan, load_plan
from twin.traced.plan import Stretch as StripStretch

__all__ = [
    "HAZARDS",
    "HEIGHT_UNITS_PER_MM",
    "WASTE",
    "BundleError",
    "ClipError",
    "ClipWriter",
    "Facts",
    "PlanError",
    "Scenario",
    "ScenarioError",
    "SimulatedFrame",
    "SimulatedLine",
    "StripObject",
    "StripPlan",
    "StripStretch",
    "Video",
    "draw",
    "find",
    "frames",
    "load",
    "load_plan",
    "load_strip",
    "load_with_overrides",
    "read_facts",
    "read_layer",
    "render",
    "traced_folders",
    "write_facts",
    "write_image",
]
