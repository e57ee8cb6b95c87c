#!/usr/bin/env bash
# pyarrow 26.0.1 (PyPI): a ParquetWriter that is left by an exception closes a short file as if it
# were whole, under its final name.
#
# Expected: the context manager of a file whose reader needs its footer leaves no readable file
#   behind an exception, or offers to abort.
# Seen: `with pq.ParquetWriter(...)` writes the footer on the way out of the exception. The file
#   opens without an error and has the rows that were written before; nothing tells it from a whole
#   one. The documentation of ParquetWriter does not mention it.
#
# Output seen (Python 3.11):
#   wanted 3000 rows, the third group raised RuntimeError
#   the file exists: True, it opens: True, it has 2000 rows
# Exits 0 while this is so, else 1. Takes about 20 s.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check pyarrow==26.0.1

cat > show.py <<'PY'
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

print(f"pyarrow {pa.__version__}")
schema = pa.schema([("clip", pa.int64())])

def groups():
    for number in range(3):
        if number == 2:
            raise RuntimeError("the third group cannot be made")
        yield pa.table({"clip": range(1000 * number, 1000 * number + 1000)}, schema=schema)

path = Path("alerts.parquet")
try:
    with pq.ParquetWriter(path, schema) as writer:
        for group in groups():
            writer.write_table(group)
except RuntimeError as error:
    print(f"wanted 3000 rows, the third group raised {type(error).__name__}")
rows = None
try:
    rows = pq.read_table(path).num_rows
except Exception as error:
    print(type(error).__name__, error)
print(f"the file exists: {path.exists()}, it opens: {rows is not None}, it has {rows} rows")
if rows != 2000:
    print("CHANGED: not as described above")
    sys.exit(1)
PY
venv/bin/python show.py
