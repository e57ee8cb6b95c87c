"""The README and the pages in docs/: their links, commands, citations and widths."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from detector.cli import app

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
PAGES += [ROOT / "models" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted((ROOT / "docs" / "plc").glob("*.md"))
CITED = {"DOMAIN": ROOT / "docs" / "domain.md", "DESIGN": ROOT / "docs" / "design.md"}
WIDTH = 100


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def test_the_readme_stays_one_page() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= 9000


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_lines_are_not_wider_than_100_columns_tables_excepted(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [each for each in lines if len(each) > WIDTH and not each.startswith("|")] == []


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_no_page_names_a_folder_of_the_machine_that_it_was_written_on(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert re.findall(r"(?<![\w.])/(?:home|root|work|tmp)/\S*", text) == []


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert set(re.findall(r"^\| \[([\w-]+\.md)\]", index, re.MULTILINE)) == pages


def test_the_tests_that_the_page_on_compatibility_names_exist() -> None:
    page = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    written = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert named
    assert named - set(re.findall(r"def (test_\w+)\(", written)) == set()


def test_the_readme_shows_the_example_subscriber_as_it_is() -> None:
    (shown,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    example = (ROOT / "examples" / "subscriber.py").read_text(encoding="utf-8")
    assert example.endswith(shown)


def test_every_section_that_the_code_cites_exists_in_the_docs() -> None:
    cited = 0
    for folder in ("detector", "calibration", "benchmarks", "models", "twin"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for name, heading in re.findall(r'\b(DOMAIN|DESIGN), "([^"]+)"', text):
                page = CITED[name].read_text(encoding="utf-8")
                assert re.search(rf"^#+ {re.escape(heading)}$", page, re.MULTILINE), (path, heading)
                cited += 1
    assert cited


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_command_on_a_page_exists_with_its_options(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in re.findall(r"^(?:    |\$ )(vigitri .*)$", text, re.MULTILINE):
        command = typer.main.get_command(app)
        words = shlex.split(line.partition(" #")[0].partition(" |")[0].replace("…", ""))[1:]
        while words and hasattr(command, "commands"):
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
        assert {word for word in words if re.match("--?[a-z]", word)} <= known, line
