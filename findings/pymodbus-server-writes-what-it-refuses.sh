#!/usr/bin/env bash
# pymodbus 3.16.1 (PyPI): its server writes what it then refuses, answers a queue that does not
# exist, and refuses a wrong quantity in the name of function 0.
#
# Expected (Modbus Application Protocol V1.1b3): an exception says that the request was not carried
#   out; function 24 reads a queue of the data store, or is refused; an exception response has the
#   request's function code with bit 7 set, and a quantity out of range is exception 3.
# Seen: function 23 with a read address out of range gets exception 2, and its words have been
#   written. Function 24 answers four words, 0 1 2 3, at any address. Function 4 with 0 or 126
#   registers is answered by function code 0x80, exception 1: no client finds its request in that.
#
# Output seen:
#   pymodbus 3.16.1
#   function 23, reads 200 (out of range), writes 77 to 5: 97 02; register 5 then: 77
#   function 24 at 5000, where there is nothing: 18 00 0a 00 04 00 00 00 01 00 02 00 03
#   function 4, 126 registers: 80 01
# Exits 0 while this is so, else 1. Takes about 10 s.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check pymodbus==3.16.1

cat > show.py <<'PY'
import asyncio
import logging
import struct
import sys

import pymodbus
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

async def main():
    logging.disable()
    device = SimDevice(1, [SimData(0, count=100, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer([device], address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    port = server.transport.sockets[0].getsockname()[1]

    async def ask(function, *words, data=b""):
        pdu = bytes((function,)) + struct.pack(f">{len(words)}H", *words) + data
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(struct.pack(">HHHB", 1, 0, len(pdu) + 1, 1) + pdu)
        head = await reader.readexactly(6)
        reply = await reader.readexactly(int.from_bytes(head[4:6], "big"))
        writer.close()
        return reply[1:]

    print(f"pymodbus {pymodbus.__version__}")
    both = await ask(23, 200, 1, 5, 1, data=struct.pack(">BH", 2, 77))
    written = int.from_bytes((await ask(3, 5, 1))[2:], "big")
    print(f"function 23, reads 200 (out of range), writes 77 to 5: {both.hex(' ')}; "
          f"register 5 then: {written}")
    queue = await ask(24, 5000)
    print(f"function 24 at 5000, where there is nothing: {queue.hex(' ')}")
    quantity = await ask(4, 0, 126)
    print(f"function 4, 126 registers: {quantity.hex(' ')}")
    await server.shutdown()
    return (both, written, queue[0], quantity) == (b"\x97\2", 77, 24, b"\x80\1")

sys.exit(not asyncio.run(main()))
PY
venv/bin/python show.py
