from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest.sources.genicam_settings import GenicamSettings, parse_genicam
from detector.profile.genicam import Genicam
from detector.profile.loading import ProfileError, load_profile
from tests.profile.test_line import GOOD, written

SOURCE = 'source = "genicam://40123456"'


def with_camera(tmp_path: Path, camera: str) -> Path:
    return written(tmp_path, GOOD.replace('source = "belt.mp4"', camera))


def test_the_settings_travel_with_the_source(tmp_path: Path) -> None:
    section = """
[camera.genicam]
exposure_us = 900.5
trigger = "Line1"
features = { Width = 1280, BalanceWhiteAuto = "Once", ReverseX = true }
"""
    profile = load_profile(with_camera(tmp_path, f"{SOURCE}\n{section}"))
    assert parse_genicam(profile.camera.source) == GenicamSettings(
        "40123456",
        exposure_us=900.5,
        trigger="Line1",
        features={"Width": "1280", "BalanceWhiteAuto": "Once", "ReverseX": "true"},
    )


TEXT = st.text(st.characters(exclude_categories=["C"], exclude_characters="'"), min_size=1)


@given(
    st.builds(
        Genicam,
        pixel_format=st.none() | TEXT,
        exposure_us=st.none() | st.floats(1e-3, 1e9),
        gain=st.none() | st.floats(0, 100),
        packet_size=st.none() | st.integers(576, 16_000),
        features=st.dictionaries(st.from_regex(r"[A-Z][A-Za-z0-9]{0,9}", fullmatch=True), TEXT),
    )
)
def test_every_value_reaches_the_capture_process_unchanged(section: Genicam) -> None:
    read = parse_genicam(f"genicam://?{section.query()}")
    for key in ("pixel_format", "exposure_us", "gain", "packet_size", "features"):
        assert getattr(read, key) == getattr(section, key)


@pytest.mark.parametrize(
    ("camera", "mistake"),
    [
        ('source = "a.mp4"\ngenicam.gain = 3', "a.mp4 is no GenICam camera. Leave out"),
        (f"{SOURCE}\ngenicam.exposure_us = 0", "camera.genicam.exposure_us = 0: "),
        (f"{SOURCE}\ngenicam.exposure = 5", "no such key. Did you mean exposure_us?"),
        (f"{SOURCE}\ngenicam.features = {{ width = 9 }}", "'width' is no feature"),
        (f"{SOURCE}\ngenicam.packet_size = 70000", "camera.genicam.packet_size = 70000: "),
        (
            f"{SOURCE}\ngenicam.features = {{ Width = [1] }}",
            "features.Width = [1]: should be text, or",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, camera: str, mistake: str) -> None:
    with pytest.raises(ProfileError) as refused:
        load_profile(with_camera(tmp_path, camera))
    (line,) = str(refused.value).splitlines()
    assert mistake in line


def test_a_python_file_lies_beside_the_profile(tmp_path: Path) -> None:
    for source, expected in (
        ("python://own.py:opened?serial=7", f"python://{tmp_path}/own.py:opened?serial=7"),
        ("python:///etc/own.py:opened", "python:///etc/own.py:opened"),
        ("python://installed.module:opened", "python://installed.module:opened"),
    ):
        profile = load_profile(with_camera(tmp_path, f'source = "{source}"'))
        assert profile.camera.source == expected
