#!/usr/bin/env bash
# tomlkit 0.15.2 (PyPI): a document that is parsed and written back unchanged is not the same text
# where another table stands between two elements of an array of tables.
#
# Expected: `dumps(parse(text)) == text`; the library exists to keep layout, order and comments.
# Seen: the elements of the array are brought together, so the table between them, with the comments
#   and blank lines that belong to it, moves below the last element. The data are equal. Such a file
#   is valid TOML 1.0, and people write it: a section beside the element that it explains. A program
#   that changes one key of somebody's file through tomlkit moves other lines of it.
#
# Output seen (Python 3.11):
#   apart      text kept: False, data kept: True, order: point, point, belt, camera
#   together   text kept: True, data kept: True, order: point, point, belt, camera
#
# Exits 0 while this is so, else 1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check tomlkit==0.15.2

cat > show.py <<'PY'
import re
import sys
import tomllib

import tomlkit

POINT = '[[point]]\nname = "{}"\n\n'
BELT = "# belongs to the first point\n[belt]\nspeed = 1\n\n"
CAMERA = "[camera]\nfps = 2\n"

seen = []
for title, text in (
    ("apart", POINT.format("a") + BELT + POINT.format("b") + CAMERA),
    ("together", POINT.format("a") + POINT.format("b") + BELT + CAMERA),
):
    written = tomlkit.dumps(tomlkit.parse(text))
    kept = written == text, tomllib.loads(written) == tomllib.loads(text)
    order = ", ".join(re.findall(r"^\[+(\w+)", written, re.MULTILINE))
    print(f"{title:10} text kept: {kept[0]}, data kept: {kept[1]}, order: {order}")
    seen.append((*kept, order))
sys.exit(seen != [
    (False, True, "point, point, belt, camera"),
    (True, True, "point, point, belt, camera"),
])
PY
if venv/bin/python show.py; then changed=0; else changed=1; fi
if [ $changed = 1 ]; then echo 'CHANGED: not as described above'; fi
exit $changed
