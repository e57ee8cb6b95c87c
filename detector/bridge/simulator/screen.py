"""The terminal screen of `vigitri plc-sim`: the PLC's inputs, list and outputs."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from detector.bridge.register_words import HazardClass, HazardWord, RecordState, VisionWord
from detector.bridge.simulator.plc import COUNTS_PER_MM, SimulatedPlc

GREY, PLAIN = "grey62", "grey85"
ALARM, WARNING = "bold white on red3", "bold black on gold1"
_WORD = {HazardWord.UNKNOWN: WARNING, HazardWord.CLEAR: PLAIN, HazardWord.ACTIVE: ALARM}


def screen(plc: SimulatedPlc, address: str, now_ns: int) -> RenderableType:
    """The screen at `now_ns`: grey; abnormal states have colour and text."""
    top = Text(f"simulated PLC  {address}  scan {plc.scans}\n", GREY)
    if plc.watched:
        top.append(f"state {VisionWord(plc.read['state']).name}", PLAIN)
    else:
        top.append("NOT WATCHED: every hazard is unknown", ALARM)
    top.append(f"  heartbeat {plc.read.get('heartbeat', '-')}", GREY)
    top.append(f"  frame age {plc.read.get('frame_age_ms', '-')} ms\n", GREY)
    for name in ("gas", "battery", "jam"):
        value = plc.read.get(name, 0) if plc.watched else 0
        word = HazardWord(value) if value in (0, 1, 2) else HazardWord.UNKNOWN
        top.append(f" {name} {word.name} ", _WORD[word])
        top.append("  ")
    return Group(top, _coils(plc), _records(plc), _targets(plc, now_ns))


def _coils(plc: SimulatedPlc) -> Text:
    text = Text("\ncoils  ", GREY)
    for name, lit in (("divert", plc.coils.divert), ("stop request", plc.coils.stop_request)):
        text.append(f" {name} {'ON' if lit else 'off'} ", WARNING if lit else PLAIN)
        text.append("  ")
    return text


def _records(plc: SimulatedPlc) -> Table:
    table = Table(title="records", title_justify="left", title_style=GREY, box=None, style=PLAIN)
    for name in ("seq", "class", "state", "x mm", "y mm", "eta ms", "age ms"):
        table.add_column(name, header_style=GREY, justify="left" if name == "class" else "right")
    for record in plc.records:
        if record["seq"]:
            table.add_row(
                str(record["seq"]),
                _name(HazardClass, record["class"]),
                _name(RecordState, record["alarm_state"]),
                *(str(record[key]) for key in ("x_mm", "y_mm", "eta_ms", "age_ms")),
            )
    return table


def _targets(plc: SimulatedPlc, now_ns: int) -> Table:
    table = Table(
        title="travelling to the ejector", title_justify="left", title_style=GREY, box=None
    )
    for name in ("seq", "class", "to go mm"):
        table.add_column(name, header_style=GREY, justify="left" if name == "class" else "right")
    now = plc.encoder(now_ns)
    for each in plc.targets:
        to_go_mm = (each.target - now) / COUNTS_PER_MM
        style = WARNING if each.open_now else PLAIN
        table.add_row(str(each.seq), each.kind.name.lower(), f"{to_go_mm:.0f}", style=style)
    return table


def _name(codes: type[HazardClass] | type[RecordState], code: int) -> str:
    try:
        return codes(code).name.lower()
    except ValueError:
        return str(code)
