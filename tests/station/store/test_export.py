from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.adaptation.answers import AnswerNames, read_answer_folder
from detector.station.store import EventFilter, Store, StoreError
from detector.station.store.export import (
    PAGE,
    csv_lines,
    json_parts,
    write_coco,
    write_yolo,
)
from detector.vocabulary import Hazard, Outcome
from tests.adaptation.small_model import PX, lookalikes, write_model
from tests.commands.conftest import Vigitri
from tests.fakes import make_card
from tests.station.store.conftest import (
    BOOT,
    JPEG,
    LINE,
    T_NS,
    Filled,
    alert,
    closed,
    evidence,
)
from tests.verifiers import verifier_card

ALL = EventFilter()
SIZE = 100
BOX = (0.2, 0.3, 0.7, 0.9)
"""Of the object in its crop, as shares."""


def jpeg(seed: int) -> bytes:
    image = np.random.default_rng(seed).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    return bytes(cv2.imencode(".jpg", image)[1])


def answer(filled: Filled, event_id: str, outcome: Outcome | None, **changes: object) -> None:
    """An answered alarm whose crop reaches from 400, 200 to 600, 400 in the camera's image."""
    filled.add(alert(event_id, **changes), closed(event_id, outcome=outcome, **changes))
    scale = 0.5
    x0, y0, x1, y1 = BOX
    box = ((400 + 200 * x0), (200 + 200 * y0), (400 + 200 * x1), (200 + 200 * y1))
    message = evidence(
        event_id,
        crop_box_px=(400.0, 200.0, 600.0, 400.0),
        crop_size_px=SIZE,
        frame_scale=scale,
        box_px=tuple(side * scale for side in box),
    )
    filled.store.add_evidence(message, jpeg(len(event_id)), JPEG)


@pytest.fixture
def answered(filled: Filled) -> Store:
    answer(filled, "a1", Outcome.REMOVED)
    answer(filled, "a2", Outcome.FALSE_ALARM, hazard=Hazard.BATTERY)
    answer(filled, "a3", Outcome.NOT_FOUND)
    answer(filled, "a4", Outcome.FALSE_ALARM)
    filled.store.record_label(LINE, BOOT, "a4", "tin")
    answer(filled, "a5", None)
    return filled.store


NAMES = AnswerNames(make_card(), verifier_card())


@pytest.mark.parametrize("write", [write_yolo, write_coco])
def test_answered_alarms_are_what_model_adapt_reads(
    answered: Store, tmp_path: Path, write: object
) -> None:
    folder = tmp_path / "answers"
    assert write(answered, folder, ALL) == 4  # type: ignore[operator]
    read = read_answer_folder(folder, NAMES)
    assert read.counts == {"gas": 1, "false_alarm": 1, "tin": 1}
    assert read.ignored == 1
    for each in read.answers:
        assert each.label.box == pytest.approx(BOX, abs=0.001)
        assert each.path.read_bytes() == jpeg(2)


def test_a_store_without_answers_exports_nothing_and_says_what_is_missing(
    store: Store, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="no answered alarm with an image"):
        write_yolo(store, tmp_path / "answers", ALL)
    assert not (tmp_path / "answers").exists()


@pytest.mark.parametrize("write", [write_yolo, write_coco])
def test_a_folder_that_cannot_be_written_is_refused_in_one_line(
    answered: Store, tmp_path: Path, write: object
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"^[^\n]*can't be written \(.*\); name a folder"):
        write(answered, tmp_path / "file" / "answers", ALL)  # type: ignore[operator]
    with pytest.raises(StoreError, match="is not empty; name a new folder"):
        write(answered, tmp_path, ALL)  # type: ignore[operator]


def test_csv_has_every_event_and_runs_no_formula(filled: Filled) -> None:
    filled.add(
        *(alert(f"a{number}") for number in range(PAGE + 5)),
        alert("x", detail="=HYPERLINK(1)", at_ns=T_NS + 1),
    )
    rows = list(csv.DictReader(io.StringIO("".join(csv_lines(filled.store, ALL)))))
    assert len(rows) == PAGE + 6
    assert rows[0]["detail"] == "'=HYPERLINK(1)"
    assert rows[-1]["t_raised_ns"] == "2026-03-06T08:20:00.000Z"
    assert rows[-1]["t_closed_ns"] == ""


def test_json_has_revisions_answers_and_evidence(answered: Store) -> None:
    answered.record_answer(LINE, BOOT, "a1", "seen", "anna", t_ns=5, source="page")
    events = json.loads("".join(json_parts(answered, ALL)))["events"]
    (first,) = (each for each in events if each["event_id"] == "a1")
    assert [each["revision"] for each in first["revisions"]] == [1, 2]
    assert first["answers"][0]["operator"] == "anna"
    assert first["evidence"][0]["crop_size_px"] == SIZE
    assert json.loads("".join(json_parts(answered, EventFilter(line="none")))) == {"events": []}


def test_false_alarms_of_a_store_become_a_new_head_by_the_real_command(
    filled: Filled, tmp_path: Path, vigitri: Vigitri
) -> None:
    for number, image in enumerate(lookalikes(6)):
        event_id = f"a{number}"
        filled.add(alert(event_id), closed(event_id, outcome=Outcome.FALSE_ALARM))
        large = cv2.resize(image, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
        size = 8 * PX
        message = evidence(
            event_id,
            crop_box_px=(0.0, 0.0, float(size), float(size)),
            crop_size_px=size,
            frame_scale=1.0,
            box_px=(0.0, 0.0, float(size), float(size)),
        )
        quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
        filled.store.add_evidence(message, bytes(cv2.imencode(".jpg", large, quality)[1]), JPEG)
    write_yolo(filled.store, tmp_path / "answers", ALL)
    model = write_model(tmp_path / "model")
    result = vigitri(
        *("model", "adapt", "--head-only", "--answers", str(tmp_path / "answers")),
        *("--model", f"{model}/", "-o", str(tmp_path / "adapted")),
    )
    assert result.code == 0, result.err
    assert (tmp_path / "adapted" / "verifier_head.1.npz").exists()
