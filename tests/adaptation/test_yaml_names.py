from __future__ import annotations

import pytest

from detector.adaptation.yaml_names import names_in


@pytest.mark.parametrize(
    "text",
    [
        "names: [tin, drink can, 'a, b']",
        "path: .\nnames: ['tin', \"drink can\", 'a, b']  # three\nnc: 3",
        "names:\n- tin\n- drink can\n- 'a, b'\ntrain: images",
        'names:\n  - tin\n\n  - drink can # with a handle\n  - "a, b"\n',
        "names:\n  0: tin\n  1: drink can\n  2: 'a, b'\nval: images\n",
        "names: {0: tin, 1: drink can, 2: 'a, b'}",
        "names: [\n  tin,\n  drink can,\n  'a, b',\n]\nnc: 3",
        "nc: 3\r\nnames:\r\n- tin\r\n- drink can\r\n- 'a, b'\r\n",
    ],
)
def test_every_way_to_write_the_names_is_read(text: str) -> None:
    assert names_in(text) == {0: "tin", 1: "drink can", 2: "a, b"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nc: 3", "no key 'names'"),
        ("names: 3", "3 is not a list"),
        ("names:\nnc: 3", "empty"),
        ("names: []", "empty"),
        ("names: [a, b", "not YAML"),
        ("names: {tin: 0}", "keys are not numbers"),
        ("- names", "no key 'names'"),
        ("other:\n  names: [a]", "no key 'names'"),
    ],
)
def test_a_file_without_a_list_of_names_says_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        names_in(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("names: " + "[" * 3000, "nested too deeply"),
        ("names: [!!int '']", "not YAML"),
        ("names: {.inf: tin}", "keys are not numbers"),
        ("names: {[1, 2]: tin}", "not YAML|keys are not numbers"),
    ],
)
def test_odd_yaml_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        names_in(text)
