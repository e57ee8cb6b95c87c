"""Keeps words out of code and pages that docs/glossary.md has a better one for.

    python docs/check_words.py [FOLDER]            # lists each, exits with 1 if there is one
    python docs/check_words.py --rate [FOLDER]     # how many there are in 1,000 words of docstring

Read are docstrings, comments and texts of the Python files that git tracks, not names, and the
Markdown pages.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

INSTEAD = {
    r"told": "logged, reported, published",
    r"anew": "again",
    r"manieth": "every n-th",
    r"so many|so much": "n, a number of, an amount of",
    r"whoever": "the client, the reader, the operator",
    r"nobody|somebody": "say who, or what: unattended, vision unavailable",
    r"judged|judges|judging": "evaluated, evaluates",
    r"mends?|mended|mending": "fix",
    r"reckon(?:s|ed|ing)?": "estimate, compute",
    r"held against": "compared with",
    r"amiss": "wrong",
    r"says nothing": "reports nothing",
    r"beats no heart": "does not advance the heartbeat",
}
"""A pattern, and what to write instead."""
_ODD = re.compile(r"\b(" + "|".join(INSTEAD) + r")\b", re.IGNORECASE)
_RATED = re.compile(
    r"\b(nobody|somebody|whoever|told|anew|judged?|judges|held against|so many|so much|what is|"
    r"what lies|lies|says nothing|amiss|reckon\w*|manieth)\b",
    re.IGNORECASE,
)
"""The wider list by which this house was compared with others on 2026-11-30."""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Line number and text of each comment and string of a Python file, or line of a page."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield from enumerate(source.splitlines(), start=1)
        return
    wanted = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in wanted:
            for offset, line in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, line


def docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def tracked(folder: Path) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.md"], cwd=folder, check=True, capture_output=True, text=True
    )
    here = Path(__file__).name
    return [folder / name for name in listed.stdout.split() if Path(name).name != here]


def instead_of(word: str) -> str:
    return next(better for odd, better in INSTEAD.items() if re.fullmatch(odd, word, re.IGNORECASE))


def main(arguments: list[str]) -> int:
    rate = "--rate" in arguments
    folder = Path(next((each for each in arguments if not each.startswith("-")), "."))
    files = [each for each in tracked(folder) if each.name != "glossary.md"]
    if rate:
        prose = [doc for each in files if each.suffix == ".py" for doc in docstrings(each)]
        words = sum(len(doc.split()) for doc in prose)
        odd = sum(len(_RATED.findall(doc)) for doc in prose)
        print(f"{odd} odd words in {words} of docstring: {1000 * odd / words:.1f} per 1,000")
        return 0
    found = [
        f"{path}:{line}: {word.group()}: write {instead_of(word.group())}"
        for path in files
        for line, text in texts(path)
        for word in _ODD.finditer(text)
    ]
    print("\n".join(found[:60]))
    if found:
        print(f"{len(found)} words that docs/glossary.md has better ones for", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
