"""Exports: events as CSV and JSON, answered alarms as labelled images that `model adapt` takes.

The images are the crops, at the camera's own pixels. A crop has one label, whose class is what an
operator checked it to be; else what the outcome says: `removed` is the hazard, its kind unknown;
`false_alarm`; and `not_found` is `ignore`, since it may have been there.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from detector.station.store.records import EventFilter, EventRow, StoreError
from detector.station.store.store import Store
from detector.wire.evidence import Evidence
from detector.wire.messages import Hazard, Outcome

PAGE = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TIMES = ("t_raised_ns", "t_called_ns", "t_answered_ns", "t_closed_ns")
_FIELDS = tuple(field.name for field in dataclasses.fields(EventRow) if field.name != "cursor")


@dataclass(frozen=True, slots=True)
class AnsweredCrop:
    """One answered alarm, with its crop and label."""

    event: EventRow
    name: str
    """Of the label's class."""
    image: Path
    size_px: int
    """Side of the crop."""
    box: tuple[float, float, float, float]
    """x0, y0, x1, y1 in the crop, px."""

    @property
    def file_name(self) -> str:
        """Begins with the time, so that neighbours by name are neighbours on the belt."""
        event = self.event
        at = datetime.fromtimestamp(event.t_raised_ns / 1e9, UTC).strftime("%Y%m%dT%H%M%S")
        return f"{at}-{event.line}-{event.boot_id}-{event.event_id}.jpg"


def all_events(store: Store, wanted: EventFilter) -> Iterator[EventRow]:
    """Every event that passes the filter, newest first; its limit has no effect."""
    before = wanted.before
    while True:
        page = store.events(dataclasses.replace(wanted, before=before, limit=PAGE))
        yield from page
        if len(page) < PAGE:
            return
        before = page[-1].cursor


def csv_lines(store: Store, wanted: EventFilter) -> Iterator[str]:
    """Events as CSV, one line at a time; times in UTC, ISO 8601."""
    yield _csv_line(_FIELDS)
    for event in all_events(store, wanted):
        yield _csv_line(_cell(name, getattr(event, name)) for name in _FIELDS)


def json_parts(store: Store, wanted: EventFilter) -> Iterator[str]:
    """Events with all revisions, answers and evidence as one JSON document, part by part."""
    yield '{"events": ['
    for number, event in enumerate(all_events(store, wanted)):
        detail = store.event(event.boot_id, event.event_id, event.line)
        document = {
            **{name: getattr(event, name) for name in _FIELDS},
            "revisions": [each.alert.model_dump(mode="json") for each in detail.revisions],
            "answers": [dataclasses.asdict(each) for each in detail.answers],
            "evidence": [
                {
                    **json.loads(each.payload),
                    "t_dropped_ns": each.t_dropped_ns,
                }
                for each in detail.evidence
            ],
        }
        yield ("," if number else "") + "\n" + json.dumps(document, ensure_ascii=False)
    yield "\n]}\n"


def answered_crops(store: Store, wanted: EventFilter) -> list[AnsweredCrop]:
    """The answered alarms whose crops are still in the store, oldest first."""
    found = []
    for event in all_events(store, dataclasses.replace(wanted, answered=True)):
        crop = _crop(store, event)
        if crop is not None:
            found.append(crop)
    return found[::-1]


def write_yolo(store: Store, folder: Path, wanted: EventFilter) -> int:
    """Write a YOLO export into a new folder; returns its number of images. Raises StoreError."""
    crops = _begin(store, folder, wanted)
    names = sorted({crop.name for crop in crops})
    with _Written(folder):
        (folder / "labels").mkdir()
        for crop in crops:
            x0, y0, x1, y1 = (side / crop.size_px for side in crop.box)
            shape = f"{(x0 + x1) / 2:.6f} {(y0 + y1) / 2:.6f} {x1 - x0:.6f} {y1 - y0:.6f}"
            shutil.copyfile(crop.image, folder / "images" / crop.file_name)
            label = folder / "labels" / Path(crop.file_name).with_suffix(".txt").name
            label.write_text(f"{names.index(crop.name)} {shape}\n", encoding="utf-8")
        listed = "".join(f"  {number}: {name}\n" for number, name in enumerate(names))
        (folder / "data.yaml").write_text(
            f"train: images\nval: images\nnames:\n{listed}", encoding="utf-8"
        )
    return len(crops)


def write_coco(store: Store, folder: Path, wanted: EventFilter) -> int:
    """Write a COCO export into a new folder; returns its number of images. Raises StoreError."""
    crops = _begin(store, folder, wanted)
    names = sorted({crop.name for crop in crops})
    images, annotations = [], []
    with _Written(folder):
        for number, crop in enumerate(crops, 1):
            shutil.copyfile(crop.image, folder / "images" / crop.file_name)
            side = crop.size_px
            images.append(
                {"id": number, "file_name": crop.file_name, "width": side, "height": side}
            )
            x0, y0, x1, y1 = (round(each, 2) for each in crop.box)
            annotations.append(
                {
                    "id": number,
                    "image_id": number,
                    "category_id": names.index(crop.name) + 1,
                    "bbox": [x0, y0, round(x1 - x0, 2), round(y1 - y0, 2)],
                    "area": round((x1 - x0) * (y1 - y0), 2),
                    "iscrowd": 0,
                }
            )
        document = {
            "info": {"date_created": time.strftime("%Y-%m-%d")},
            "images": images,
            "annotations": annotations,
            "categories": [{"id": number, "name": name} for number, name in enumerate(names, 1)],
        }
        text = json.dumps(document, indent=1, ensure_ascii=False)
        (folder / "annotations.json").write_text(f"{text}\n", encoding="utf-8")
    return len(crops)


def answer_name(event: EventRow) -> str | None:
    """The class of an event's label; None: it has no answer that can be learned."""
    if event.label is not None:
        return event.label
    if event.outcome == Outcome.REMOVED and event.hazard in {Hazard.GAS, Hazard.BATTERY}:
        return event.hazard
    names: dict[str | None, str] = {
        Outcome.FALSE_ALARM: "false_alarm",
        Outcome.NOT_FOUND: "ignore",
    }
    return names.get(event.outcome)


def _crop(store: Store, event: EventRow) -> AnsweredCrop | None:
    name = answer_name(event)
    if name is None or event.evidence_id is None:
        return None
    row, image = store.evidence(event.evidence_id), store.image(event.evidence_id, "crop")
    if row is None or image is None:
        return None
    evidence = Evidence.model_validate_json(row.payload, extra="ignore")
    left, top, right, _ = evidence.crop_box_px
    scale = evidence.crop_size_px / (right - left)
    x0, y0, x1, y1 = (side / evidence.frame_scale for side in evidence.box_px)
    inside = [(x0 - left) * scale, (y0 - top) * scale, (x1 - left) * scale, (y1 - top) * scale]
    box = [min(max(side, 0.0), float(evidence.crop_size_px)) for side in inside]
    if box[2] - box[0] < 1 or box[3] - box[1] < 1:
        return None
    return AnsweredCrop(event, name, image, evidence.crop_size_px, (box[0], box[1], box[2], box[3]))


def _begin(store: Store, folder: Path, wanted: EventFilter) -> list[AnsweredCrop]:
    crops = answered_crops(store, wanted)
    if not crops:
        raise StoreError(
            "no answered alarm with an image in this time; answer alarms (removed, false alarm, "
            "not found), or choose a longer time"
        )
    with _Written(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise StoreError(f"{folder}: is not empty; name a new folder")
        (folder / "images").mkdir(parents=True)
    return crops


class _Written:
    """Turns an OSError into one line that names the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, OSError):
            raise StoreError(
                f"{self._folder}: can't be written ({error.strerror}); name a folder with room "
                f"that this user may write to"
            ) from error


def _csv_line(cells: Iterator[str] | tuple[str, ...]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if name in _TIMES and isinstance(value, int):
        moment = datetime.fromtimestamp(value / 1e9, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = str(value)
    # A spreadsheet would run it; only texts can begin like this here.
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
