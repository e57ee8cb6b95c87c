#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93 (PyPI): cv2.setNumThreads(1) does not bind cv2.gemm, which runs in
# the threads of an OpenBLAS of the wheel's own.
#
# Expected: after cv2.setNumThreads(1) OpenCV works in the calling thread, as getNumThreads() says.
# Seen: cv2.gemm uses as many cores as there are, cv2.GaussianBlur one. The wheel is built with
#   LAPACK by OpenBLAS, which it also loads beside numpy's; only OPENBLAS_NUM_THREADS, set before
#   the import, binds it. Its threads wait in a loop for cores that are busy, so that beside other
#   work a small product takes many times as long.
#
# Output seen (Python 3.11, two cores):
#   OpenCV 5.0.0, getNumThreads() 1
#   cores used: GaussianBlur 1.0, gemm 2.0
#   with OPENBLAS_NUM_THREADS=1: gemm 1.0
# Exits 0 while this is so, else 1; 2 on a machine with one core. Takes about 15 s.
set -euo pipefail

if [ "$(nproc)" -lt 2 ]; then
  echo "needs two cores" >&2
  exit 2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6

cat > show.py <<'PY'
import sys
import time

import cv2
import numpy as np

cv2.setNumThreads(1)
image = np.ones((400, 400), np.float32)
nothing = np.empty((0, 0), np.float32)


def cores(work):
    """CPU time of all threads over that of this one: the cores that it keeps busy."""
    work()
    of_all, of_this = time.process_time(), time.thread_time()
    for _ in range(200):
        work()
    return (time.process_time() - of_all) / (time.thread_time() - of_this)


blur = cores(lambda: cv2.GaussianBlur(image, (31, 31), 0))
gemm = cores(lambda: cv2.gemm(image, image, 1.0, nothing, 0.0))
if sys.argv[1] == "default":
    print(f"OpenCV {cv2.__version__}, getNumThreads() {cv2.getNumThreads()}")
    print(f"cores used: GaussianBlur {blur:.1f}, gemm {gemm:.1f}")
    sys.exit(not (blur < 1.2 and gemm > 1.3))
print(f"with OPENBLAS_NUM_THREADS=1: gemm {gemm:.1f}")
sys.exit(not gemm < 1.2)
PY
unset OPENBLAS_NUM_THREADS OMP_NUM_THREADS
venv/bin/python show.py default
OPENBLAS_NUM_THREADS=1 venv/bin/python show.py bound
