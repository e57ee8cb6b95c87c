from __future__ import annotations

from collections.abc import Iterator

import pytest

from detector.ingest import open_source
from tests.ingest.genicam_camera import ADDRESS, GenicamProcess, genicam_process


@pytest.fixture(scope="module")
def losing() -> Iterator[GenicamProcess]:
    """Loses 200 of 1,000 packets. What Aravis keeps open for the whole process is opened here."""
    with genicam_process("-r", "200") as camera:
        yield camera


@pytest.mark.usefixtures("losing")
def test_an_image_with_a_lost_packet_is_never_handed_out() -> None:
    url = f"genicam://{ADDRESS}?pixel_format=Mono8&packet_size=9000"
    camera = open_source(url, fps=100)
    try:
        images = 0
        for _ in range(20):
            assert camera.grab()
            images += camera.retrieve() is not None
        # 30 packets each, of which a fifth is lost: one in 800 images is whole.
        assert images + len(camera.unreadable) == 20
        assert len(camera.unreadable) >= 15
        assert "packets are missing" in "".join(camera.unreadable)
    finally:
        camera.close()
