from __future__ import annotations

from pathlib import Path

from benchmarks.fuzz.campaign import ParserResult, _Campaign


def fuzzed(name: str, cases: int, corpus: Path | None = None) -> ParserResult:
    return _Campaign(f"tests.benchmarks.fuzz.failing.{name}", 1, corpus).run(cases, jobs=1)


def test_a_crash_a_hang_and_a_large_need_of_memory_are_found_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    result = fuzzed("Ending", 9, tmp_path)
    assert result.messages == 9
    assert result.crashes == 2
    kinds = sorted(kind.split(" at ")[0] for kind in result.findings)
    assert kinds == [
        "crash (SIGSEGV) outside the product",
        "hang outside the product",
        "much memory",
    ]
    kept = {path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and not path.suffix}
    assert kept == {b"crash", b"hang", b"memory"}
