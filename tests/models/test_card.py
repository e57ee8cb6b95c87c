from pathlib import Path

from detector.vision.catalogue import find_model
from models.card import Card, write_card


def test_the_runtime_reads_a_written_card(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a model, but a file with a digest")
    metrics = {"how": 'a "quoted" word', "set": {"gas": {"ap50": 0.5, "range": [0.1, 0.9]}}}
    card = Card(
        "vigitri-t9", 3, (0.31, 0.42), "start.pt", "models/recipes/first.toml",
        ("photographs: an author, CC BY 4.0",), photo_sizes_px=(320, 512), metrics=metrics,
    )  # fmt: skip
    write_card(tmp_path, card)
    read = find_model(f"{tmp_path}/").card
    assert read.name == "vigitri-t9"
    assert [known.threshold for known in read.classes] == [0.31, 0.42]
    assert read.input.photo_sizes_px == (320, 512)
    assert read.metrics == metrics
