from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest.sources.reference_gaps import ReferenceGaps

IMAGES = 30


def coded(**options: str) -> list[bytes]:
    """Real H.264 of a moving square, one item per image, in the order of decoding."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 64, 48, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(25), Fraction(1, 25)
    encoder.options = {"preset": "ultrafast", "g": "12", "forced-idr": "1"} | options
    packets = []
    for place in range(IMAGES):
        image = np.full((48, 64, 3), 60, np.uint8)
        image[12:36, place : place + 16] = 220
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts = place
        packets += encoder.encode(frame)
    return [bytes(packet) for packet in [*packets, *encoder.encode(None)]]


STREAMS = {
    "without B frames": coded(tune="zerolatency"),
    "with B frames": coded(bf="2"),
    "with B frames as references": coded(**{"bf": "3", "x264-params": "b-pyramid=normal"}),
    "high profile, scaling lists": coded(
        **{"preset": "medium", "x264-params": "cqm=jvt:8x8dct=1:bframes=0"}
    ),
    "of several slices": coded(**{"tune": "zerolatency", "x264-params": "slices=3"}),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_whole_stream_has_no_gap(name: str) -> None:
    gaps = ReferenceGaps()
    assert [gaps.is_after_gap(image) for image in STREAMS[name]] == [False] * IMAGES


@pytest.mark.parametrize("name", ["without B frames", "high profile, scaling lists"])
@given(lost=st.integers(1, IMAGES - 2), count=st.integers(1, 3))
def test_each_lost_image_is_a_gap_unless_a_key_frame_follows(
    name: str, lost: int, count: int
) -> None:
    images, gaps = STREAMS[name], ReferenceGaps()
    for image in images[:lost]:
        gaps.is_after_gap(image)
    left = images[lost + count :]
    if left:
        is_key_frame = b"\0\0\1\x65" in left[0]
        assert gaps.is_after_gap(left[0]) is not is_key_frame
        assert not any(gaps.is_after_gap(image) for image in left[1:])


@given(st.lists(st.binary(max_size=60).map(lambda unit: b"\0\0\1" + unit), max_size=8))
def test_no_bytes_are_an_error(units: list[bytes]) -> None:
    gaps = ReferenceGaps(b"".join(units))
    for unit in units:
        gaps.is_after_gap(unit)


def test_the_parameters_may_come_with_the_connection_only() -> None:
    first, *others = STREAMS["without B frames"]
    parameters, key_frame = first[: first.index(b"\0\0\1\x65")], first[first.index(b"\0\0\1\x65") :]
    gaps = ReferenceGaps(parameters)
    assert not gaps.is_after_gap(key_frame)
    assert gaps.is_after_gap(others[3])
