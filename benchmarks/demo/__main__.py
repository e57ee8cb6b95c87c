"""`python -m benchmarks.demo [--keep]`."""

import sys

from benchmarks.demo.run import main

if __name__ == "__main__":
    raise SystemExit(main(keep="--keep" in sys.argv[1:]))
