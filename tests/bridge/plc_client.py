"""A Modbus TCP client that plays the PLC in tests."""

from __future__ import annotations

from collections.abc import Callable

from pymodbus.client import ModbusTcpClient

from benchmarks.bridge_process import BridgeProcess
from detector.bridge.register_map import INPUT_WORDS, PLC_FIRST, decode, encode_plc
from tests.small_line import PATIENCE_S, wait_for

Read = tuple[dict[str, int], list[dict[str, int]]]


class Plc:
    """Reads all registers in one request and keeps the results."""

    def __init__(self, bridge: BridgeProcess) -> None:
        self.client = ModbusTcpClient(bridge.host, port=bridge.port, timeout=PATIENCE_S)
        assert self.client.connect()
        self.seen: list[Read] = []

    def read(self) -> Read:
        block = self.client.read_input_registers(0, count=INPUT_WORDS, device_id=1)
        assert not block.isError()
        self.seen.append(decode(block.registers))
        return self.seen[-1]

    def write(self, **values: int) -> None:
        assert not self.client.write_registers(PLC_FIRST, encode_plc(**values)).isError()

    def until(self, wanted: Callable[[Read], bool]) -> Read:
        def read_wanted() -> Read | None:
            read = self.read()
            return read if wanted(read) else None

        found: Read = wait_for(read_wanted)
        return found

    def close(self) -> None:
        self.client.close()
