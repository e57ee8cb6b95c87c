"""Images cut from strips painted by the tests: black belt, white hazards."""

from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.data.belt_strips import TracedStrip, read_strips, strip_scene
from models.data.dataset import build
from models.data.sources import GREY, Sources
from models.training.recipe import DataRecipe
from models.workshop import WorkshopError
from twin.traced.bundle import Facts, StripObject, write_facts, write_image

SIZE_PX = 96
LONG_MM, WIDE_MM = 600, 300
WHITE, BROWN = (255, 255, 255), (20, 30, 40)


def _object(
    number: int, hazard: str | None, at_mm: float, x_mm: float, **facts: Any
) -> StripObject:
    return StripObject.model_validate(
        {
            "id": number, "kind": "box", "class": hazard, "at_mm": at_mm, "x_mm": x_mm,
            "angle_deg": 0, "length_mm": 50, "width_mm": 30, "height_mm": 20,
            "pixels_alone": 1500, "pixels_seen": 1500, "outline_mm": [], **facts,
        }
    )  # fmt: skip


def write_bundle(folder: Path, *items: StripObject) -> Path:
    """A strip at 1 px per mm on which each object is a box; later ones are on top."""
    folder.mkdir(parents=True)
    image = np.zeros((WIDE_MM, LONG_MM, 3), np.uint8)
    seen = np.zeros((WIDE_MM, LONG_MM), np.uint16)
    for item in items:
        x, y = round(LONG_MM - item.at_mm), round(item.x_mm)
        place = np.s_[y - 15 : y + 15, x - 25 : x + 25]
        image[place] = BROWN if item.hazard is None else WHITE
        seen[place] = item.id
    write_image(folder / "picture.png", image)
    write_image(folder / "seen.png", seen)
    write_facts(
        folder,
        Facts(
            start_mm=0, end_mm=LONG_MM, width_mm=WIDE_MM, px_per_mm=1, seed=1, belt="black",
            objects=list(items),
        ),
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def strips(tmp_path_factory: pytest.TempPathFactory) -> list[TracedStrip]:
    folder = tmp_path_factory.mktemp("strips")
    write_bundle(
        folder / "a",
        _object(1, "battery", 100, 80),
        _object(2, "gas_canister", 250, 200),
        _object(3, "battery", 400, 100),
        _object(4, None, 425, 100),  # on the left half of 3
        _object(5, "gas_canister", 500, 250),
    )
    return read_strips(folder)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_every_box_is_in_the_image_and_on_its_object(strips: list[TracedStrip], seed: int) -> None:
    # Camera effects would darken and blur the hazards, but not move them.
    with mock.patch("models.data.belt_strips.filmed", lambda _, image: image.astype(np.uint8)):
        scene = strip_scene(np.random.default_rng(seed), strips, SIZE_PX)
    assert scene.image.shape == (SIZE_PX, SIZE_PX, 3)
    assert scene.visible is not None
    assert len(scene.visible) == len(scene.boxes)
    white = scene.image.min(2) > 127
    white[(scene.image == GREY).all(2)] = False
    for label, x0, y0, x1, y1 in scene.boxes.tolist():
        assert label in (0, 1)
        assert -1e-3 <= x0 < x1 <= SIZE_PX + 1e-3
        assert -1e-3 <= y0 < y1 <= SIZE_PX + 1e-3
        inside = white[round(y0) : round(y1), round(x0) : round(x1)]
        assert inside.mean() > 0.9
        white[max(0, round(y0) - 4) : round(y1) + 4, max(0, round(x0) - 4) : round(x1) + 4] = False
    # The remaining white is too little to recognise: slivers at the edge.
    assert white.mean() < 0.03


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_the_visible_share_is_relative_to_the_object_without_occlusion(
    strips: list[TracedStrip], seed: int
) -> None:
    scene = strip_scene(np.random.default_rng(seed), strips, SIZE_PX)
    assert scene.visible is not None
    for (_, x0, y0, x1, y1), share in zip(scene.boxes.tolist(), scene.visible, strict=True):
        assert 0.35 <= share <= 1
        cut = min(x0, y0) < 1 or max(x1, y1) > SIZE_PX - 1
        if not cut:
            assert share == pytest.approx(1, abs=0.02) or share == pytest.approx(0.5, abs=0.02)
        long, short = max(x1 - x0, y1 - y0), min(x1 - x0, y1 - y0)
        if not cut and share < 0.6:  # half of it is left: 25 by 30
            assert long / short == pytest.approx(30 / 25, rel=0.1)


def test_the_same_generator_state_gives_the_same_image(strips: list[TracedStrip]) -> None:
    one, two = (strip_scene(np.random.default_rng(5), strips, SIZE_PX) for _ in range(2))
    np.testing.assert_array_equal(one.image, two.image)
    np.testing.assert_array_equal(one.boxes, two.boxes)


def test_a_strip_with_only_half_hidden_hazards_is_refused(tmp_path: Path) -> None:
    buried = [
        _object(1 + 12 * row + n, "battery", 25 + 50 * n, 15 + 30 * row, pixels_alone=5000)
        for row in range(10)
        for n in range(12)
    ]
    write_bundle(tmp_path / "a", *buried)
    with pytest.raises(WorkshopError, match="half-hidden hazards"):
        strip_scene(np.random.default_rng(0), read_strips(tmp_path), SIZE_PX)


def test_the_error_for_a_folder_without_strips_has_the_command_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="no traced strip; make one with `vigitri twin trace"):
        read_strips(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("seen.png", b"", "cannot be decoded as an image"),
        ("picture.png", None, "cannot be read"),
        ("strip.json", b"{}", "strip.json: "),
        ("seen.png", np.zeros((30, 40), np.uint16), "belong to different strips"),
        ("seen.png", np.zeros((WIDE_MM, LONG_MM), np.uint8), "belong to different strips"),
    ],
)
def test_a_broken_bundle_is_a_one_line_error_with_its_file(
    tmp_path: Path, name: str, content: Any, expected: str
) -> None:
    path = write_bundle(tmp_path / "a", _object(1, "battery", 100, 80)) / name
    if content is None:
        path.unlink()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        write_image(path, content)
    with pytest.raises(WorkshopError, match=expected) as refused:
        read_strips(tmp_path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_stage_with_strip_cuts_reads_the_folder_strips(
    data: Path, sources: Sources, tmp_path: Path
) -> None:
    none = ("heap", "upright", "battery", "battery_scene", "negative")
    recipe = DataRecipe.model_validate(
        {f"{each}_copies": 0 for each in none}
        | {"scenes": 0, "as_is": 0, "belt_frames": 0, "strip_cuts": 3}
    )

    def made(renders: Path | None) -> None:
        build(recipe, sources, data, tmp_path / "made", seed=1, image_px=SIZE_PX,
              progress=lambda *_: None, workers=1, renders=renders)  # fmt: skip

    with pytest.raises(WorkshopError, match="name with --renders a folder that contains traced"):
        made(None)
    write_bundle(tmp_path / "renders" / "strips" / "a", _object(1, "battery", 100, 80))
    made(tmp_path / "renders")
    assert len(list((tmp_path / "made" / "images").glob("strip_*.jpg"))) == 3
    assert any(path.read_text() for path in (tmp_path / "made" / "visible").iterdir())
