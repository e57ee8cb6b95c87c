from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest import without_credentials

anything = st.text(max_size=20)


@given(user=anything, password=anything, scheme=st.sampled_from(["rtsp", "RTSPS", "http"]))
def test_a_login_of_any_characters_is_removed(user: str, password: str, scheme: str) -> None:
    url = f"{scheme}://{user}:{password}@10.0.0.7:554/belt"
    assert without_credentials(url) == f"{scheme.lower()}://10.0.0.7:554/belt"


@given(url=st.text(max_size=60))
def test_a_name_without_credentials_is_unchanged(url: str) -> None:
    once = without_credentials(url)
    assert without_credentials(once) == once


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (
            "rtsp://cam/s?user=a&password=b_c&channel=1",
            "rtsp://cam/s?user=***&password=***&channel=1",
        ),
        ("rtsp://cam/user=a_password=b_channel=1", "rtsp://cam/user=***_password=***_channel=1"),
        ("http://cam/mjpg?token=xyz", "http://cam/mjpg?token=***"),
        ("rtsp://cam/axis-media/media.amp", "rtsp://cam/axis-media/media.amp"),
        ("footage/cam@1/pass=3.mp4", "footage/cam@1/pass=3.mp4"),
        ("file:///footage/cam@1.mp4", "file:///footage/cam@1.mp4"),
        ("v4l2:///dev/video0", "v4l2:///dev/video0"),
    ],
)
def test_logins_are_removed_and_paths_kept(url: str, name: str) -> None:
    assert without_credentials(url) == name
