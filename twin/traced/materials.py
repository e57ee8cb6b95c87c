"""Skins as Blender materials: paint, metal, clear plastic, and their wear.

Needs `bpy`. Noise uses the object's own coordinates, so that dirt and rust continue over the joint
of two parts. One Blender unit is 100 mm.
"""

from dataclasses import dataclass, field
from typing import Any

import bpy
import numpy as np

from twin.drawn.labels import Print, tint
from twin.drawn.shading import Colour, Image
from twin.traced.belts import BeltSkin
from twin.traced.bodies import Skin, Wear

UNITS_PER_MM = 0.01


def linear(colour: Colour) -> tuple[float, float, float, float]:
    """Converts sRGB BGR (0..1) to the linear red, green, blue, alpha of Blender."""
    value = np.clip(np.array(colour[::-1], np.float64), 0, 1)
    value = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return float(value[0]), float(value[1]), float(value[2]), 1.0


class _Graph:
    """A material's node graph; inputs are set by name."""

    def __init__(self, size_mm: float, rng: np.random.Generator) -> None:
        self.size_mm, self.rng = size_mm, rng
        self.seed = float(rng.uniform(0, 50))
        self.material = bpy.data.materials.new("skin")
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.tree.nodes.clear()
        self.place = self.add("ShaderNodeTexCoord").outputs["Object"]

    def add(self, kind: str, **settings: Any) -> Any:
        node = self.tree.nodes.new(kind)
        for key, value in settings.items():
            setattr(node, key, value)
        return node

    def put(self, socket: Any, value: Any) -> None:
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    def noise(
        self,
        size_mm: float,
        detail: float,
        seed: float,
        stretch: tuple[float, float, float] = (1, 1, 1),
    ) -> Any:
        """Noise about 0..1 in blobs of `size_mm`."""
        where = self.add("ShaderNodeMapping")
        self.put(where.inputs["Vector"], self.place)
        where.inputs["Location"].default_value = (seed, seed * 1.7, -seed)
        where.inputs["Scale"].default_value = stretch
        node = self.add("ShaderNodeTexNoise")
        self.put(node.inputs["Vector"], where.outputs[0])
        node.inputs["Scale"].default_value = 1 / (size_mm * UNITS_PER_MM)
        node.inputs["Detail"].default_value = detail
        node.inputs["Roughness"].default_value = 0.62
        return node.outputs["Fac"]

    def step(self, value: Any, low: float, high: float, to: float = 1.0) -> Any:
        """0 below `low`, `to` above `high`."""
        node = self.add("ShaderNodeMapRange", clamp=True)
        for key, each in (("Value", value), ("From Min", low), ("From Max", high), ("To Max", to)):
            self.put(node.inputs[key], each)
        return node.outputs["Result"]

    def maths(self, operation: str, a: Any, b: Any) -> Any:
        node = self.add("ShaderNodeMath", operation=operation)
        self.put(node.inputs[0], a)
        self.put(node.inputs[1], b)
        return node.outputs[0]

    def mix(self, share: Any, a: Any, b: Any) -> Any:
        node = self.add("ShaderNodeMix", data_type="RGBA")
        self.put(node.inputs["Factor"], share)
        self.put(node.inputs[6], a)
        self.put(node.inputs[7], b)
        return node.outputs[2]

    def blend(self, share: Any, a: Any, b: float) -> Any:
        """Blends `a` into the number `b`."""
        node = self.add("ShaderNodeMix", data_type="FLOAT")
        self.put(node.inputs["Factor"], share)
        self.put(node.inputs[2], a)
        self.put(node.inputs[3], b)
        return node.outputs[0]

    def layered(self, share: Any, below: Any, above: Any) -> Any:
        node = self.add("ShaderNodeMixShader")
        self.put(node.inputs[0], share)
        self.put(node.inputs[1], below)
        self.put(node.inputs[2], above)
        return node.outputs[0]


def blender_image(art: Print) -> Any:
    """Artwork as a Blender image; its alpha channel holds metal, not opacity."""
    rows, columns = art.art.shape[:2]
    image = bpy.data.images.new("art", columns, rows, alpha=True)
    image.alpha_mode = "CHANNEL_PACKED"
    upwards = art.art[::-1, :, [2, 1, 0, 3]].astype(np.float32) / 255
    image.pixels.foreach_set(upwards.ravel())
    image.update()
    return image


@dataclass
class _Coat:
    """A surface while wear is added: sockets or constants, and (unevenness, depth mm) pairs."""

    colour: Any
    metal: Any
    rough: Any
    uneven: list[tuple[Any, float]] = field(default_factory=list)


def material(skin: Skin, wear: Wear, size_mm: float, rng: np.random.Generator) -> Any:
    """The worn skin. `size_mm`: the object's second-longest side, which scales the wear."""
    graph = _Graph(size_mm, rng)
    coat = _Coat(skin.cover, skin.metal, skin.rough)
    if isinstance(skin.cover, Print):
        art = graph.add("ShaderNodeTexImage", image=blender_image(skin.cover), extension="EXTEND")
        uv = graph.add("ShaderNodeUVMap", uv_map="uv")
        graph.put(art.inputs["Vector"], uv.outputs[0])
        coat.colour, coat.metal = art.outputs["Color"], art.outputs["Alpha"]
    else:
        coat.colour = linear(skin.cover)
    if wear.fade > 0:
        _add_fading(graph, coat, wear.fade)
    if wear.scratches > 0 and not skin.cloth and skin.clear < 0.3:
        _add_scratches(graph, coat, wear.scratches, steel=skin.steel)
    if wear.rust > 0 and skin.steel:
        _add_rust(graph, coat, wear.rust)
    if wear.dirt > 0:  # dirt would hide the transparency of clear plastic
        _add_dirt(graph, coat, wear.dirt * (1 - 0.6 * skin.clear))
    smudge = graph.noise(size_mm * 0.3, 4, graph.seed + 19)
    coat.rough = graph.maths("ADD", coat.rough, graph.step(smudge, 0.4, 0.75, 0.18))
    if skin.grain_mm > 0:
        coat.uneven.append((graph.noise(skin.grain_size_mm, 3, graph.seed + 23), skin.grain_mm))
    surface = _shader(graph, coat, skin)
    if skin.clear > 0:
        surface = _transparent(graph, skin, surface)
    out = graph.add("ShaderNodeOutputMaterial")
    graph.put(out.inputs["Surface"], surface)
    return graph.material


def _add_fading(graph: _Graph, coat: _Coat, amount: float) -> None:
    pale = graph.add("ShaderNodeHueSaturation")
    graph.put(pale.inputs["Color"], coat.colour)
    pale.inputs["Saturation"].default_value = 0.45
    pale.inputs["Value"].default_value = 1.25
    rubbed = graph.step(graph.noise(graph.size_mm * 0.4, 3, graph.seed), 0.4, 0.65, amount)
    coat.colour = graph.mix(rubbed, coat.colour, pale.outputs[0])


def _add_scratches(graph: _Graph, coat: _Coat, amount: float, *, steel: bool) -> None:
    lines = graph.noise(graph.size_mm * 0.02 + 0.35, 1, graph.seed + 3, (0.02, 1.0, 0.6))
    patch = graph.step(
        graph.noise(graph.size_mm * 0.5, 2, graph.seed + 5), 0.62 - 0.25 * amount, 0.7
    )
    scratch = graph.maths("MULTIPLY", graph.step(lines, 0.69, 0.72), patch)
    bare = linear((0.6, 0.62, 0.64))
    coat.colour = graph.mix(graph.maths("MULTIPLY", scratch, 0.75), coat.colour, bare)
    if steel:
        coat.metal = graph.blend(scratch, coat.metal, 0.9)


def _add_rust(graph: _Graph, coat: _Coat, amount: float) -> None:
    """Rust spots with a dull halo of worn paint around them."""
    fine = graph.maths("MULTIPLY", graph.noise(graph.size_mm * 0.06 + 1, 4, graph.seed + 9), 0.28)
    spread = graph.maths("ADD", graph.noise(graph.size_mm * 0.35, 6, graph.seed + 7), fine)
    edge = 0.86 - 0.30 * amount
    brown = graph.mix(
        graph.step(graph.noise(graph.size_mm * 0.05 + 0.7, 5, graph.seed + 11), 0.35, 0.65),
        linear(tint(float(graph.rng.uniform(0.04, 0.07)), 0.8, 0.42)),
        linear(tint(0.035, 0.75, 0.2)),
    )
    halo = graph.step(spread, edge - 0.07, edge, 0.5)
    core = graph.step(spread, edge - 0.01, edge + 0.05, 0.96)
    coat.colour = graph.mix(halo, coat.colour, linear((0.3, 0.37, 0.45)))
    coat.colour = graph.mix(core, coat.colour, brown)
    coat.metal = graph.blend(core, coat.metal, 0.0)
    coat.rough = graph.blend(core, coat.rough, 0.95)
    coat.uneven.append((core, 0.25))


def _add_dirt(graph: _Graph, coat: _Coat, amount: float) -> None:
    """A grey-brown film with cloudy density, and specks."""
    hue, grey, light = graph.rng.uniform((0.06, 0.15, 0.14), (0.11, 0.4, 0.38))
    film = graph.step(
        graph.noise(graph.size_mm * 0.45, 5, graph.seed + 13),
        0.66 - 0.34 * amount,
        0.86 - 0.2 * amount,
        0.8,
    )
    specks = graph.step(
        graph.noise(1.0 + graph.size_mm * 0.012, 2, graph.seed + 17),
        0.74 - 0.1 * amount,
        0.77,
        0.75,
    )
    dirty = graph.maths("MAXIMUM", film, specks)
    coat.colour = graph.mix(dirty, coat.colour, linear(tint(float(hue), float(grey), float(light))))
    coat.metal = graph.blend(dirty, coat.metal, 0.0)
    coat.rough = graph.blend(dirty, coat.rough, 0.85)


def _shader(graph: _Graph, coat: _Coat, skin: Skin) -> Any:
    shader = graph.add("ShaderNodeBsdfPrincipled")
    graph.put(shader.inputs["Base Color"], coat.colour)
    graph.put(shader.inputs["Metallic"], coat.metal)
    graph.put(shader.inputs["Roughness"], coat.rough)
    if skin.cloth:
        shader.inputs["Sheen Weight"].default_value = 0.35
        shader.inputs["Specular IOR Level"].default_value = 0.1
    normal = None
    for uneven, depth_mm in coat.uneven:
        bump = graph.add("ShaderNodeBump")
        bump.inputs["Distance"].default_value = depth_mm * UNITS_PER_MM
        graph.put(bump.inputs["Height"], uneven)
        if normal is not None:
            graph.put(bump.inputs["Normal"], normal)
        normal = bump.outputs[0]
    if normal is not None:
        graph.put(shader.inputs["Normal"], normal)
    return shader.outputs[0]


def _transparent(graph: _Graph, skin: Skin, surface: Any) -> Any:
    """Thin clear plastic: transparent in the middle, thick and glossy towards its rim."""
    through = graph.add("ShaderNodeBsdfTransparent")
    colour = skin.cover if not isinstance(skin.cover, Print) else (0.9, 0.9, 0.9)
    tinted = tuple(0.35 + 0.65 * value for value in colour)
    through.inputs["Color"].default_value = linear((tinted[0], tinted[1], tinted[2]))
    facing = graph.add("ShaderNodeLayerWeight")
    facing.inputs["Blend"].default_value = 0.35
    thick = graph.maths("MULTIPLY", facing.outputs["Facing"], 0.75 * skin.clear)
    cover = graph.maths("ADD", thick, 1 - skin.clear)
    body = graph.layered(cover, through.outputs[0], surface)
    shine = graph.add("ShaderNodeBsdfAnisotropic")
    shine.inputs["Roughness"].default_value = 0.6 * skin.rough
    gleam = graph.maths("ADD", graph.maths("MULTIPLY", facing.outputs["Facing"], 0.3), 0.05)
    return graph.layered(gleam, body, shine.outputs[0])


def belt_material(texture: Image, belt: BeltSkin) -> Any:
    """Rubber or PVC with its painted texture; wet areas reflect the hall."""
    graph = _Graph(100.0, np.random.default_rng(0))
    rows, columns = texture.shape[:2]
    image = bpy.data.images.new("belt", columns, rows)
    upwards = np.dstack((texture[::-1, :, ::-1], np.full((rows, columns), 255, np.uint8)))
    image.pixels.foreach_set((upwards.astype(np.float32) / 255).ravel())
    art = graph.add("ShaderNodeTexImage", image=image, extension="EXTEND")
    graph.put(art.inputs["Vector"], graph.add("ShaderNodeUVMap", uv_map="uv").outputs[0])
    # Water and unevenness use belt coordinates, which continue from tile to tile.
    graph.seed = belt.seed
    colour, rough = art.outputs["Color"], belt.rough
    grain = graph.noise(2.2, 3, graph.seed)
    if belt.wet > 0:
        water = graph.step(
            graph.noise(160, 5, graph.seed + 2), 0.62 - 0.3 * belt.wet, 0.68 - 0.26 * belt.wet
        )
        dark = graph.add("ShaderNodeHueSaturation")
        graph.put(dark.inputs["Color"], colour)
        dark.inputs["Value"].default_value = 0.55
        colour = graph.mix(water, colour, dark.outputs[0])
        rough = graph.blend(water, rough, 0.08)
        grain = graph.maths("MULTIPLY", grain, graph.maths("SUBTRACT", 1.0, water))
    coat = _Coat(colour, 0.0, rough, [(grain, 0.25)])
    out = graph.add("ShaderNodeOutputMaterial")
    graph.put(out.inputs["Surface"], _shader(graph, coat, Skin((0, 0, 0))))
    return graph.material


def measure_material() -> Any:
    """Emits the object's pass index (red) and its height (green)."""
    found = bpy.data.materials.get("measure")
    if found is not None:
        return found
    made = bpy.data.materials.new("measure")
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    nodes.clear()
    info, where = nodes.new("ShaderNodeObjectInfo"), nodes.new("ShaderNodeNewGeometry")
    parts, both = nodes.new("ShaderNodeSeparateXYZ"), nodes.new("ShaderNodeCombineColor")
    shine, out = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeOutputMaterial")
    links.new(where.outputs["Position"], parts.inputs[0])
    links.new(info.outputs["Object Index"], both.inputs["Red"])
    links.new(parts.outputs["Z"], both.inputs["Green"])
    links.new(both.outputs[0], shine.inputs["Color"])
    links.new(shine.outputs[0], out.inputs["Surface"])
    return made
