#!/usr/bin/env bash
# openvino-telemetry 2025.2.0 (PyPI, Linux): its command to opt out contacts the analytics host.
#
# Expected: `opt_in_out --opt_out` notes the refusal in the home folder, and from then on nothing is
#   sent, the refusal included. It takes CI=true for a refusal, as the import of openvino does.
# Seen: it writes the refusal and then looks up the host to report it, past its own check for
#   consent; with CI=true as well. On the second run it is silent. Writing the file by hand, with the
#   one character 0 in it, has the same effect and sends nothing: that is the way for a machine whose
#   first packet to the outside would already be one too many.
#
# Output seen (Python 3.11):
#   opt out, first time             looks up: www.google-analytics.com  consent file: 0
#   opt out, second time            looks up: nothing                   consent file: 0
#   opt out, first time, CI=true    looks up: www.google-analytics.com  consent file: 0
#   opt out, after file by hand     looks up: nothing                   consent file: 0
#   consent read from that file by the package: DECLINED
#
# Nothing leaves the machine: the command runs below an audit hook of Python, which forked processes
# inherit; it notes each look-up and refuses it. Exits 0 while this is so, else 1. Takes about 5 s.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check openvino-telemetry==2025.2.0

cat > below_hook.py <<'PY'
import sys

def hook(event, args):
    if event == "socket.getaddrinfo":
        print("look-up of", args[0], flush=True)
        raise OSError("refused by this finding")

sys.addaudithook(hook)
from openvino_telemetry.opt_in_out import main

sys.argv = ["opt_in_out", "--opt_out"]
main()
PY

run() { env -i "PATH=$PATH" "HOME=$work/home" "$@"; }
changed=0
opt_out() {  # TITLE HOST [VARIABLE=VALUE]
    local title=$1 host=$2 asked consent
    shift 2
    run "$@" venv/bin/python below_hook.py > said
    asked=$(sed -n 's/^look-up of //p' said | sort -u)
    consent=$(cat home/intel/openvino_telemetry 2> /dev/null || echo missing)
    printf '%-31s looks up: %-25s consent file: %s\n' "$title" "${asked:-nothing}" "$consent"
    [ "$asked" = "$host" ] && [ "$consent" = 0 ] || changed=1
}
host=www.google-analytics.com
mkdir home
opt_out 'opt out, first time' $host
opt_out 'opt out, second time' ''
rm -r home && mkdir home
opt_out 'opt out, first time, CI=true' $host CI=true
rm -r home && mkdir -p home/intel
printf 0 > home/intel/openvino_telemetry
opt_out 'opt out, after file by hand' ''
consent=$(run venv/bin/python -c '
from openvino_telemetry.utils.opt_in_checker import OptInChecker
print(OptInChecker().check(enable_opt_in_dialog=False).name)')
echo "consent read from that file by the package: $consent"
[ "$consent" = DECLINED ] || changed=1
if [ $changed = 1 ]; then echo 'CHANGED: not as described above'; fi
exit $changed
