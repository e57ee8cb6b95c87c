#!/usr/bin/env bash
# onnxruntime 1.32.0 (PyPI wheel, Linux x86-64): importing it starts telemetry.
#
# Expected: `import onnxruntime` alone writes nothing below the home folder and asks for no host;
#   `disable_telemetry_events()`, called right after the import, would put an end to it if it did.
# Seen: the import makes a device id and a database below ~/.cache, and after 8 to 9 s the process
#   looks up the name of its maker's event collector. disable_telemetry_events() comes too late for
#   both and stops neither; nor does ORT_TELEMETRY_DISABLED=1, a name one may guess.
#   ORT_DISABLE_TELEMETRY=1, set before the process first imports it, stops both. CI=true does too,
#   so that a check that runs in CI finds nothing.
#
# Output seen (Python 3.11):
#   import only                    files: deviceid onnxruntime.db  asks for: mobile.events.data.microsoft.com
#   disable_telemetry_events()     files: deviceid onnxruntime.db  asks for: mobile.events.data.microsoft.com
#   ORT_TELEMETRY_DISABLED=1       files: deviceid onnxruntime.db  asks for: mobile.events.data.microsoft.com
#   CI=true                        files: none                     asks for: none
#   ORT_DISABLE_TELEMETRY=1        files: none                     asks for: none
#
# The look-ups are seen in a network namespace without a way out, by a name server on its loopback
# interface. Where none can be made, each process ends before its look-up, and only files are shown.
# Exits 0 while this is so, else 1. Takes about 25 s.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check onnxruntime==1.32.0

cat > name_server.py <<'PY'
"""Runs a command; prints the names that are asked of 127.0.0.1:53 meanwhile, and knows none."""
import socket
import subprocess
import sys
import threading

names = set()
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))

def serve():
    while True:
        query, asker = server.recvfrom(512)
        labels, at = [], 12
        while length := query[at]:
            labels.append(query[at + 1 : at + 1 + length].decode())
            at += 1 + length
        names.add(".".join(labels))
        no_such_name = query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12:]
        server.sendto(no_such_name, asker)

threading.Thread(target=serve, daemon=True).start()
subprocess.run(sys.argv[1:], check=True)
print(*sorted(names) or ["none"])
PY
cat > shut_in.sh <<'INSIDE'
ip link set lo up
mount --bind resolv.conf /etc/resolv.conf
mount --bind nsswitch.conf /etc/nsswitch.conf
exec venv/bin/python name_server.py "$@"
INSIDE
echo 'nameserver 127.0.0.1' > resolv.conf
echo 'hosts: files dns' > nsswitch.conf

namespace=(unshare --user --map-root-user --net --mount)
shut_in=no stays_s=0
if "${namespace[@]}" sh -ec 'ip link set lo up; mount --bind resolv.conf /etc/resolv.conf' 2> why; then
    shut_in=yes stays_s=14
else
    echo "no namespace here ($(head -n 1 why)): only the files are shown"
fi

trial() {  # NAME STATEMENT [VARIABLE=VALUE]: leaves NAME.files and NAME.names
    local name=$1 statement=$2
    shift 2
    mkdir "$name"
    local clean=(env -i "PATH=$PATH" "HOME=$work/$name" "$@")
    local program=(venv/bin/python -c "import time, onnxruntime; $statement; time.sleep($stays_s)")
    if [ $shut_in = yes ]; then
        "${clean[@]}" "${namespace[@]}" sh -e shut_in.sh "${program[@]}" > "$name.names"
    else
        "${clean[@]}" venv/bin/python "${program[@]:1}"
        echo 'not watched' > "$name.names"
    fi
    find "$name" -type f -printf '%f\n' | sort | paste -sd ' ' | sed 's/^$/none/' > "$name.files"
}
names=(plain call guess ci variable)
trial plain pass & running=($!)
trial call 'onnxruntime.disable_telemetry_events()' & running+=($!)
trial guess pass ORT_TELEMETRY_DISABLED=1 & running+=($!)
trial ci pass CI=true & running+=($!)
trial variable pass ORT_DISABLE_TELEMETRY=1 & running+=($!)
for each in "${running[@]}"; do wait "$each"; done

titles=('import only' 'disable_telemetry_events()' 'ORT_TELEMETRY_DISABLED=1' CI=true
        ORT_DISABLE_TELEMETRY=1)
changed=0
for at in "${!names[@]}"; do
    files=$(< "${names[at]}.files") asked=$(< "${names[at]}.names")
    printf '%-30s files: %-24s asks for: %s\n' "${titles[at]}" "${files:-none}" "$asked"
    wanted='deviceid onnxruntime.db' host=mobile.events.data.microsoft.com
    if [ "$at" -ge 3 ]; then wanted=none host=none; fi
    if [ $shut_in = no ]; then host='not watched'; fi
    [ "${files:-none}" = "$wanted" ] && [ "$asked" = "$host" ] || changed=1
done
if [ $changed = 1 ]; then echo 'CHANGED: not as described above'; fi
exit $changed
