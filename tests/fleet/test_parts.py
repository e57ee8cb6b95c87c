"""A long clip in parts: the same alerts as in one run, on real footage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="the extra fleet is not installed")

from fleet import parts
from fleet.clips import Clip
from fleet.parts import UnsplittableError, index_film
from fleet.provenance import Settings, load_line, provenance_of
from fleet.scorer import Answer, Scorer, Task
from tests.small_line import FPS, passing, write_model, write_profile, write_video

SPLIT_S = 12.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """A clip of 51 s in which hazards pass all the time."""
    place = tmp_path_factory.mktemp("archive")
    film = write_video(place / "belt.avi", passing(32) * 8)
    return Clip(str(film), str(write_profile(place / "line.toml", film, write_model(place / "m"))))


def settings_of(clip: Clip) -> tuple[Scorer, str]:
    settings = Settings(split_s=SPLIT_S)
    row = provenance_of(clip.profile, load_line(clip.profile, settings), settings)
    return Scorer(settings), str(row["provenance"])


def facts_of(answer: Answer) -> list[dict[str, object]]:
    """Its revisions, but for the number of the track, which is an id."""
    assert answer.revisions is not None
    rows = [{**row, "alert": json.loads(row["alert"])} for row in answer.revisions]
    return [{**row, "alert": {**row["alert"], "track": None}} for row in rows]


def test_the_alerts_of_a_split_clip_are_those_of_one_run(
    clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "LEAD_S", 8.0)
    monkeypatch.setattr(parts, "LEAD_MM", 1000.0)
    scorer, provenance = settings_of(clip)
    whole = scorer.process(Task(clip, provenance, whole=True))
    cuts = scorer.process(Task(clip, provenance)).cuts
    assert cuts is not None
    assert len(cuts) == 4
    every = [
        scorer.process(Task(clip, provenance, part=n, cut=cut)).part for n, cut in enumerate(cuts)
    ]
    joined = scorer.join(Task(clip, provenance), [part for part in every if part is not None])
    assert len(facts_of(whole)) > 20
    assert facts_of(joined) == facts_of(whole)
    assert whole.totals is not None
    assert joined.totals == {**whole.totals, "parts": 4}


def test_a_part_begins_again_with_a_longer_lead_until_enough_belt_has_passed(
    clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "LEAD_S", 1.0)
    monkeypatch.setattr(parts, "_lead_s", lambda _: 1.0)
    monkeypatch.setattr(parts, "LEAD_MM", 500.0)
    scorer, provenance = settings_of(clip)
    part = scorer.process(Task(clip, provenance, part=1, cut=(100, 110))).part
    assert part is not None
    assert part.lead_frames == 4 * FPS  # after 160 mm in 1 s: 640 mm in 4 s


def test_a_film_that_is_short_is_not_split(clip: Clip) -> None:
    assert index_film(Path(clip.name), 60) is None


def test_a_film_without_timestamps_is_not_split(tmp_path: Path) -> None:
    import av

    path = tmp_path / "bare.h264"
    with av.open(str(path), "w", format="h264") as film:
        stream = film.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for image in passing(10):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        film.mux(stream.encode(None))
    with pytest.raises(UnsplittableError, match="no timestamps"):
        index_film(path, 1)
