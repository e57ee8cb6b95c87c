"""The interface to Blender: bodies become meshes, lamps are placed, Cycles renders.

Needs `bpy` 4.5 (Python 3.11, extra `twin`). Blender keeps one scene per process, so there is one
`Stage` at a time. One Blender unit is 100 mm: rigid bodies keep away from Bullet's margins, and
light falls off as in a hall.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn.shading import Image
from twin.traced.belts import BeltSkin
from twin.traced.bodies import Body, Part, Skin
from twin.traced.light import Light


class StageError(RuntimeError):
    """Blender is missing, or a call failed; one line."""


def blender() -> Any:
    """The module `bpy`; raises `StageError` with installation instructions if it is missing."""
    try:
        import bpy
    except ImportError as error:
        raise StageError(
            "path tracing needs Blender as a module: pip install 'bpy==4.5.*' with Python 3.11 "
            "(extra twin), and on Debian libxrender1 libxi6 libxkbcommon0 libsm6 libgl1"
            f" ({error})"
        ) from error
    return bpy


UNITS_PER_MM = 0.01


@dataclass(frozen=True)
class Window:
    """The view of the camera from straight above: mm of the scene, px of the image."""

    left_mm: float
    top_mm: float
    width_px: int
    height_px: int
    px_per_mm: float


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppresses stdout: Blender prints every saved image there."""
    kept = os.dup(1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


class Stage:
    """An empty scene with a camera straight above; x to the right, y up, z towards the camera."""

    def __init__(self, *, samples: int = 8, threads: int = 1, denoise: bool = True) -> None:
        self.bpy = blender()
        self.samples, self.denoise = samples, denoise
        self.threads = threads
        self.folder = tempfile.TemporaryDirectory(prefix="vigitri-stage-")
        self.clear()

    def close(self) -> None:
        self.folder.cleanup()

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def clear(self) -> None:
        """Removes everything from the scene."""
        bpy = self.bpy
        with quiet():
            bpy.ops.wm.read_factory_settings(use_empty=True)
        self.scene = bpy.context.scene
        scene = self.scene
        scene.render.engine = "CYCLES"
        scene.render.threads_mode = "FIXED"
        scene.render.threads = self.threads
        scene.render.resolution_percentage = 100
        scene.render.film_transparent = True
        scene.render.use_persistent_data = False
        cycles = scene.cycles
        cycles.device = "CPU"
        cycles.samples = self.samples
        cycles.use_adaptive_sampling = False
        cycles.use_denoising = self.denoise
        cycles.denoiser = "OPENIMAGEDENOISE"
        cycles.denoising_input_passes = "RGB_ALBEDO"
        cycles.denoising_prefilter = "FAST"
        cycles.denoising_quality = "FAST"
        cycles.max_bounces = 3
        cycles.diffuse_bounces = 2
        cycles.glossy_bounces = 2
        cycles.transmission_bounces = 2
        cycles.transparent_max_bounces = 10
        cycles.caustics_reflective = cycles.caustics_refractive = False
        cycles.sample_clamp_indirect = 4.0
        lens = bpy.data.cameras.new("camera")
        lens.type = "ORTHO"
        lens.clip_end = 1000
        self.camera = bpy.data.objects.new("camera", lens)
        self.camera.location = (0, 0, 100)
        scene.collection.objects.link(self.camera)
        scene.camera = self.camera

    def light(self, light: Light) -> None:
        """Places lamps or suns, and paints the environment, which metal reflects."""
        bpy, scene = self.bpy, self.scene
        world = bpy.data.worlds.new("hall")
        scene.world = world
        world.use_nodes = True
        # By default Cycles samples a procedural sky two million times before each image: 0.8 s.
        world.cycles.sampling_method = "MANUAL"
        world.cycles.sample_map_resolution = 32
        nodes, links = world.node_tree.nodes, world.node_tree.links
        nodes.clear()
        place = nodes.new("ShaderNodeTexCoord")
        parts = nodes.new("ShaderNodeSeparateXYZ")
        ramp = nodes.new("ShaderNodeValToRGB")
        shift = nodes.new("ShaderNodeMapRange")
        shift.inputs["From Min"].default_value = -1
        out, back = nodes.new("ShaderNodeOutputWorld"), nodes.new("ShaderNodeBackground")
        links.new(place.outputs["Generated"], parts.inputs[0])
        links.new(parts.outputs["Z"], shift.inputs["Value"])
        links.new(shift.outputs[0], ramp.inputs[0])
        links.new(ramp.outputs[0], back.inputs["Color"])
        links.new(back.outputs[0], out.inputs["Surface"])
        back.inputs["Strength"].default_value = light.ambient
        ramp.color_ramp.elements[0].position = 0.0
        ramp.color_ramp.elements[0].color = (*light.ground, 1)
        ramp.color_ramp.elements[1].position = 1.0
        ramp.color_ramp.elements[1].color = (*light.gantry, 1)
        bands = (
            (0.49, light.ground),
            (0.53, light.walls),
            (0.78, light.walls),
            (0.93, light.ceiling),
        )
        for at, tone in bands:
            ramp.color_ramp.elements.new(at).color = (*tone, 1)
        for lamp in light.lamps:
            data = bpy.data.lights.new("lamp", "AREA")
            data.shape = "RECTANGLE"
            data.size, data.size_y = lamp.length, lamp.width
            data.energy = lamp.watts
            data.color = lamp.colour
            obj = bpy.data.objects.new("lamp", data)
            obj.location = lamp.place
            obj.rotation_euler = self._towards(lamp.place, lamp.turn)
            scene.collection.objects.link(obj)
        for sun in light.suns:
            data = bpy.data.lights.new("sun", "SUN")
            data.angle, data.energy, data.color = sun.angle, sun.strength, sun.colour
            obj = bpy.data.objects.new("sun", data)
            obj.rotation_euler = self._towards(sun.towards, 0.0)
            scene.collection.objects.link(obj)
        view = scene.view_settings
        view.view_transform = light.film
        view.exposure = light.exposure
        with contextlib.suppress(TypeError):
            view.look = light.look

    @staticmethod
    def _towards(place: tuple[float, float, float], turn: float) -> Any:
        """The rotation that points a lamp at `place` to the centre of the scene."""
        from mathutils import Matrix, Vector

        ray = -Vector(place)
        track = ray.to_track_quat("-Z", "Y").to_matrix()
        return (track @ Matrix.Rotation(turn, 3, "Z")).to_euler()

    def add(self, body: Body, rng: np.random.Generator, *, index: int = 0) -> Any:
        """Adds a body at the origin, one Blender object with a material per part."""
        from twin.traced.materials import material

        mesh = _mesh(self.bpy, body)
        size = float(np.sort(body.size_mm())[1])
        for part in body.parts:
            mesh.materials.append(material(part.skin, body.wear, size, rng))
        obj = self.bpy.data.objects.new(body.kind, mesh)
        obj.pass_index = index
        self.scene.collection.objects.link(obj)
        return obj

    def move(self, obj: Any, right_mm: float, down_mm: float, up_mm: float) -> None:
        """Moves an object returned by `add` to a place of the strip's image."""
        unit = UNITS_PER_MM
        obj.location = (right_mm * unit, -down_mm * unit, up_mm * unit)

    def belt(self, texture: Image, window: Window, belt: BeltSkin) -> None:
        """Adds belt under a window; `texture` uint8 BGR fills it exactly."""
        from twin.traced.materials import belt_material

        points, uv = belt.surface(
            window.left_mm,
            window.top_mm,
            window.width_px / window.px_per_mm,
            window.height_px / window.px_per_mm,
        )
        body = Body("belt", [Part(points, uv, Skin((0, 0, 0)), flat=True)])
        mesh = _mesh(self.bpy, body)
        mesh.materials.append(belt_material(texture, belt))
        self.scene.collection.objects.link(self.bpy.data.objects.new("belt", mesh))

    def measure(self, window: Window) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
        """Topmost object (`pass_index`, uint16, 0: belt) and height (float32 mm), `(h, w)`."""
        from twin.traced.materials import measure_material

        self.set_view(window)
        scene, cycles, settings = self.scene, self.scene.cycles, self.scene.render.image_settings
        kept = cycles.samples, cycles.use_denoising, cycles.filter_width
        cycles.samples, cycles.use_denoising, cycles.filter_width = 1, False, 0.01
        layer = self.bpy.context.view_layer
        layer.material_override = measure_material()
        target = Path(self.folder.name) / "measure.exr"
        settings.file_format, settings.color_mode, settings.color_depth = "OPEN_EXR", "RGB", "32"
        scene.render.filepath = str(target)
        try:
            with quiet():
                self.bpy.ops.render.render(write_still=True)
        finally:
            layer.material_override = None
            cycles.samples, cycles.use_denoising, cycles.filter_width = kept
        image = self.bpy.data.images.load(str(target))
        try:
            image.colorspace_settings.name = "Non-Color"
            values = np.empty(window.width_px * window.height_px * 4, np.float32)
            image.pixels.foreach_get(values)
        finally:
            self.bpy.data.images.remove(image)
        upwards = values.reshape(window.height_px, window.width_px, 4)[::-1]
        owner = np.round(np.clip(upwards[..., 0], 0, 65535)).astype(np.uint16)
        return owner, np.asarray(upwards[..., 1] / UNITS_PER_MM, np.float32)

    def set_view(self, window: Window) -> None:
        """Points the camera at a window: its left edge at x = left_mm, its top at y = -top_mm."""
        scene, unit = self.scene, UNITS_PER_MM
        scene.render.resolution_x, scene.render.resolution_y = window.width_px, window.height_px
        wide, high = window.width_px / window.px_per_mm, window.height_px / window.px_per_mm
        self.camera.data.ortho_scale = max(wide, high) * unit
        self.camera.location = (
            (window.left_mm + wide / 2) * unit,
            -(window.top_mm + high / 2) * unit,
            100,
        )

    def render(self, window: Window, *, seed: int = 0) -> Image:
        """The window as the camera sees it: uint8 BGRA `(h, w, 4)`."""
        self.set_view(window)
        scene = self.scene
        scene.cycles.seed = seed % 2**31
        target = Path(self.folder.name) / "picture.png"
        settings = scene.render.image_settings
        settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGBA", "8"
        settings.compression = 10
        scene.render.filepath = str(target)
        with quiet():
            self.bpy.ops.render.render(write_still=True)
        image = cv2.imread(str(target), cv2.IMREAD_UNCHANGED)
        if image is None or image.shape != (window.height_px, window.width_px, 4):
            raise StageError("Blender wrote no image; check the free disk space")
        return np.asarray(image, np.uint8)


def _mesh(bpy: Any, body: Body) -> Any:
    """All parts of a body as one mesh with UVs; each part has its own material slot."""
    points, corners, uvs, slots, smooth = [], [], [], [], []
    first = 0
    for slot, part in enumerate(body.parts):
        rows, columns = part.points.shape[:2]
        points.append(part.points.reshape(-1, 3))
        number = first + np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
        # Counter-clockwise from outside, for grids that run along x and around via -y.
        quads = np.stack(
            (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]), 2
        ).reshape(-1, 4)
        corners.append(quads)
        uvs.append(part.uv.reshape(-1, 2)[quads.ravel() - first])
        slots.append(np.full(len(quads), slot, np.int32))
        smooth.append(np.full(len(quads), not part.flat))
        first += rows * columns
    quads_all: NDArray[np.int32] = np.concatenate(corners)
    mesh = bpy.data.meshes.new(body.kind)
    mesh.vertices.add(first)
    mesh.vertices.foreach_set("co", (np.concatenate(points) * UNITS_PER_MM).ravel())
    mesh.loops.add(quads_all.size)
    mesh.loops.foreach_set("vertex_index", quads_all.ravel())
    mesh.polygons.add(len(quads_all))
    mesh.polygons.foreach_set("loop_start", np.arange(0, quads_all.size, 4, dtype=np.int32))
    mesh.polygons.foreach_set("material_index", np.concatenate(slots))
    mesh.polygons.foreach_set("use_smooth", np.concatenate(smooth))
    layer = mesh.uv_layers.new(name="uv")
    layer.uv.foreach_set("vector", np.concatenate(uvs).ravel())
    mesh.update(calc_edges=True)
    with contextlib.suppress(AttributeError):
        mesh.set_sharp_from_angle(angle=0.6)
    return mesh
