#!/usr/bin/env bash
# openvino 2026.4.1 with openvino-telemetry 2025.2.0, which it requires (PyPI wheels, Linux):
# importing it sends an event to a web analytics service, but not where CI=true.
#
# Expected: `import openvino`, of which only the run time is used, sends nothing and writes nothing.
# Seen: the import pulls in the model converter, which starts the telemetry package without asking:
#   it leaves a client id and a counter in ~/intel and looks up the analytics host. No conversion is
#   needed for it. With CI=true there is nothing to see, so a CI job that looks for leaks passes;
#   the value is compared with "true": a CI system that sets CI=1 does send.
#   The required package can be kept out: with sys.modules["openvino_telemetry"] = None before the
#   import openvino falls back to a stub of its own, and still compiles and runs a model.
#
# Output seen (Python 3.11):
#   CI unset            looks up: www.google-analytics.com  files: intel/openvino_ga_cid intel/stats
#   CI=1                looks up: www.google-analytics.com  files: intel/openvino_ga_cid intel/stats
#   CI=true             looks up: nothing                   files: none
#   package kept out    looks up: nothing                   files: none
#   a model, without the package: relu([-1.  2.]) = [0. 2.]
#
# Nothing leaves the machine: an audit hook of Python in every process notes each look-up and
# refuses it. Exits 0 while this is so, else 1. Takes about 10 s.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check openvino==2026.4.1 openvino-telemetry==2025.2.0

cat > "$(venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/sitecustomize.py" <<'PY'
import os
import sys

def hook(event, args):
    if event == "socket.getaddrinfo":
        with open(os.environ["LOOK_UPS"], "a") as log:
            print(args[0], file=log)
        raise OSError("refused by this finding")

if "LOOK_UPS" in os.environ:
    sys.addaudithook(hook)
PY

changed=0
trial() {  # TITLE HOST FILES PROGRAM [VARIABLE=VALUE]
    local title=$1 host=$2 wanted=$3 program=$4
    shift 4
    rm -rf home look_ups
    mkdir home
    touch look_ups
    env -i "PATH=$PATH" "HOME=$work/home" "LOOK_UPS=$work/look_ups" "$@" \
        venv/bin/python -c "$program" > said
    local asked files
    asked=$(sort -u look_ups | paste -sd ' ')
    files=$(cd home && find . -type f -printf '%P\n' | sort | paste -sd ' ')
    printf '%-19s looks up: %-25s files: %s\n' "$title" "${asked:-nothing}" "${files:-none}"
    [ "$asked" = "$host" ] && [ "$files" = "$wanted" ] || changed=1
}
host=www.google-analytics.com files='intel/openvino_ga_cid intel/stats'
trial 'CI unset' $host "$files" 'import openvino'
trial CI=1 $host "$files" 'import openvino' CI=1
trial CI=true '' '' 'import openvino' CI=true
trial 'package kept out' '' '' '
import sys
sys.modules["openvino_telemetry"] = None
import numpy as np
import openvino as ov
from openvino import opset13 as ops
given = ops.parameter([2], np.float32)
model = ov.compile_model(ov.Model([ops.relu(given)], [given]), "CPU")
values = np.array([-1, 2], np.float32)
print(f"relu({values}) = {model(values)[0]}")
'
echo "a model, without the package: $(< said)"
[ "$(< said)" = 'relu([-1.  2.]) = [0. 2.]' ] || changed=1
if [ $changed = 1 ]; then echo 'CHANGED: not as described above'; fi
exit $changed
