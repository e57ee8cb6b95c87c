"""A PLC with an encoder that may be killed or stopped at any time.

    python -m benchmarks.soak.plc_process HOST:PORT READINGS SCAN_MS

It runs the program of `vigitri plc-sim`, acknowledges as an operator, and appends each reading to
the file READINGS. Its encoder is CLOCK_MONOTONIC, so it goes on while the PLC is away.
"""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

from pymodbus.client import ModbusTcpClient

from benchmarks.soak.readings import ReadingsFile
from detector.bridge.register_map import decode, decode_plc, encode_plc
from detector.bridge.simulator.plc import COUNTS_PER_MM, WRAP, Plant, SimulatedPlc
from detector.commands.plc_sim import REPLY_S, Registers

SPEED_MM_S = 400.0


def main(address: str, path: Path, scan_s: float) -> None:
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    host, port = address.rsplit(":", 1)
    plc = SimulatedPlc(Plant(SPEED_MM_S, acknowledges=True), lambda _: None)
    with (
        ModbusTcpClient(host, port=int(port), timeout=REPLY_S, retries=0) as client,
        ReadingsFile(path) as readings,
    ):
        registers = Registers(client, address, 1)
        print("polling", file=sys.stderr, flush=True)
        next_s = time.monotonic()
        while True:
            asked_ns = time.monotonic_ns()
            words = registers.read()
            if words is not None:
                now_ns = time.monotonic_ns()
                readings.add(asked_ns, now_ns, decode(words)[0])
                registers.write(_written(plc.scan(words, now_ns), time.monotonic_ns()))
            next_s = max(next_s + scan_s, time.monotonic())
            time.sleep(max(0.0, next_s - time.monotonic()))


def _written(words: list[int], now_ns: int) -> list[int]:
    """What the PLC's program writes, with the encoder of the belt, which starts with the machine
    and not with this process."""
    counts = round(now_ns / 1e9 * SPEED_MM_S * COUNTS_PER_MM) % WRAP
    return encode_plc(**{**decode_plc(words), "encoder": counts})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]) / 1e3)
