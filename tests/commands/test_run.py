"""What `vigitri run` does with its endpoint for images; the line as a whole is tested elsewhere."""

from __future__ import annotations

import pytest

from detector.commands.run import evidence_sender
from detector.delivery.publisher import Publisher
from detector.wire.endpoints import EndpointError
from tests.delivery.conftest import ANY_PORT


def test_a_line_runs_without_images_if_their_default_endpoint_is_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Publisher(ANY_PORT, line="l", boot_id="b") as publisher:
        taken = publisher.endpoint
        assert evidence_sender(taken, publisher, None, required=False) is None
    assert f"no images are sent: {taken}" in caplog.text
    assert "Give this line its own wire.evidence" in caplog.text


def test_an_endpoint_for_images_that_the_profile_names_must_be_free() -> None:
    with (
        Publisher(ANY_PORT, line="l", boot_id="b") as publisher,
        pytest.raises(EndpointError, match="in use"),
    ):
        evidence_sender(publisher.endpoint, publisher, None, required=True)


def test_images_beyond_this_machine_need_keys() -> None:
    with (
        Publisher(ANY_PORT, line="l", boot_id="b") as publisher,
        pytest.raises(EndpointError, match="without CURVE keys"),
    ):
        evidence_sender("tcp://0.0.0.0:5558", publisher, None, required=True)
