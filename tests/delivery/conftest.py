from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from detector.delivery.publisher import Publisher
from detector.wire.samples import BOOT_ID, LINE
from tests.wire.conftest import open_socket  # noqa: F401 - a fixture

ANY_PORT = "tcp://127.0.0.1:*"


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher(ANY_PORT, line=LINE, boot_id=BOOT_ID) as open_publisher:
        yield open_publisher


@pytest.fixture
def now() -> dict[str, int]:
    """Capture timestamps of a frame grabbed now."""
    return {"t_capture_utc_ns": time.time_ns(), "t_capture_mono_ns": time.monotonic_ns()}
