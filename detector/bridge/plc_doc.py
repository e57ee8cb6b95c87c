"""`docs/plc.md`: the reference for PLC programmers, generated from the register map."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from detector.bridge import register_map as plc
from detector.bridge import register_words as words
from detector.bridge.line_watch import TRANSPORT_MS
from detector.bridge.plc_link import PLC_SILENT_NS
from detector.bridge.register_words import BeltWord

_CODES: tuple[tuple[str, type[IntEnum]], ...] = (
    ("2 `state`", words.VisionWord),
    ("5–7 `gas`, `battery`, `jam`", words.HazardWord),
    ("8 `top_priority`", words.TopPriority),
    ("10 `jam_state`", words.JamState),
    ("59 `belt_state`", BeltWord),
    ("record `class`", words.HazardClass),
    ("record `alarm_state`", words.RecordState),
    ("103 `belt_run`", words.RunSignal),
    ("110 `reset`", words.Reset),
)

_HEAD = f"""# The line's registers, for the PLC programmer

*Generated from the register map by `vigitri schema --plc`; a test keeps the two equal.*

> Detection aid; not a safety function, no PL or SIL claimed; replaces neither the emergency stop
> nor human watch. Vigitri may request a process stop; it never touches an emergency-stop circuit
> and never restarts a belt. *Aide à la détection ; ne constitue pas une fonction de sécurité au
> sens de l'EN ISO 13849-1 ; ne remplace ni l'arrêt d'urgence ni la surveillance humaine.*

    vigitri bridge --line line.toml --listen 127.0.0.1:1502

Modbus TCP, map version {plc.MAP_VERSION}. Addresses count from 0 (a tool that counts from 1 adds
one: input register 0 is 30001, holding register 100 is 40101). Words are unsigned unless the table
says int16 (two's complement); 32-bit values take two words, **high word first**. Read input
registers (function 4), or the same as holding registers (function 3), 0 to
{plc.INPUT_WORDS - 1} **in one request**: such a block is consistent. One line answers to any unit
id; of several lines each has its own (1, 2, … or `--unit`), and another id gets exception 11.
Registers {plc.INPUT_WORDS} to {plc.PLC_FIRST - 1} read 0, so that one request may read all up to
{plc.PLC_FIRST + plc.PLC_WORDS - 1}. Functions 3, 4, 6, 16, 22, 23 and 43 (identification) are
served, all others get exception 1. A request that is refused has written nothing. How each client
has to be set, and what it does with a late answer: [plc/](plc/README.md).

**0 is never clear.** Every state register reads 0 while the state is unknown: at the bridge's
start, when the detector is dead, hung or blind, when messages were missed. Only 1 is clear. When
the belt is not being watched, `state` reads 3 (unavailable), the hazard registers read 0 and
`heartbeat` stops, at most three frame periods + {TRANSPORT_MS:.0f} ms after the last processed
frame: {100 + TRANSPORT_MS:.0f} ms for a camera of 30 frames/s. If inference takes longer than
three frame periods, the limit is 1.5 x the median time from capture to result. Not every frame
needs an inference pass: belt that has been inspected often enough needs none, but nothing new waits
longer than `view.max_wait_ms` of the line's profile. Only completed inference passes advance the
heartbeat.

## From Vigitri: input registers 0 to {plc.INPUT_WORDS - 1}
"""

_EXAMPLE = """## How to use them

1. **Monitor the heartbeat.** Restart a timer whenever register 1 changes; 5 Hz is normal. If it
   has not changed for 500 ms, the bridge, the network or the detector has failed: treat every
   hazard as *unknown*, whatever the registers last read. Modbus holds its last values; only the PLC
   can detect that they are old.
2. **Act on UNKNOWN as your plant has decided**: slow the belt, call a picker, stop the process. Do
   not treat it as clear. `state` 0 and 3 mean that the belt is not being watched; with 2 (degraded)
   inference is late (status bit 1), the belt does not move as expected (register 59), or not all
   alarms are known yet (status bit 7); what is not certain reads 0.
3. **Take the records.** A record whose `seq` is not 0 and that you have not taken is a hazard on
   the belt. Copy it into your own list, then write its `seq` to 101–102 (both words in one
   request): the record is then free for the next one. A record stays until you have taken it or it
   is over; only a record of higher priority replaces one that is not free. If you cannot read 60
   words in one request, compare `seq_again` with the low word of `seq`, and read again if they
   differ.
4. **Eject by belt position.** If your encoder counts in 105–106, write it in every scan, both words
   in one request (a count that is not written for 0.5 s is no longer used): `position` is then your
   own count at the moment of capture (flag bit 2), interpolated between your writes, so neither
   latency nor jitter of the network matters:
   `target = position + (ejector_y_mm - y_mm) * counts_per_mm`.
   A counter of 16 bits wraps every few metres: write `belt.encoder_wraps_at = 65536` in the line's
   profile, the count in 106 and 0 in 105, and compute `target` modulo that. While the encoder is
   lost, stuck or counts backwards (register 59), and for every object seen until then, bit 2 is 0
   and `position` is in mm. A count with swapped words, one that is written or copied word by word,
   and a counter with another wrap count are named in the bridge's log.
   Otherwise use `eta_ms`, which the bridge counts down until you read it. 32767 means that the
   object is at least that far away: leave its record until it reads less.
5. **Acknowledging** frees a record and nothing else: the operator's alarm stays open. With bit 1 of
   `mode` set (your panel has an acknowledge button), it is also the operator's acknowledgement. The
   outcome of a gas alarm is reported with `reset`: write its `seq` to 101–102 and the code to 110,
   and 0 again afterwards. `vision_unavailable` can neither be shelved nor acknowledged from here.
6. **Several clients** may read at once (16 at most). Only one should write. If 16 are connected, a
   new client replaces the one that has been silent longest. A client that sends a request at least
   every 3 s keeps its place; if all 16 do, the new client is turned away. The bridge's log names
   the clients that held the places. A client that disappears without closing its connection (cut
   cable, power off) is dropped after about 20 s.

```iecst
(* IEC 61131-3 Structured Text. in_ holds registers 0..59, read in one FC4 request every 10 to
   50 ms; out_ is written to 100..110 in one FC16 request. Codes as in the tables. *)
VAR
    heartbeatTimer : TON;  lastBeat : UINT;  beats : INT;  watched : BOOL;
    slot, base, i  : INT;  seq : UDINT;  known : BOOL;
    target         : DINT; shiftRegister : ARRAY[0..63] OF DINT; entries : INT;
    taken          : ARRAY[0..15] OF UDINT;  nextTaken : INT;
END_VAR
VAR CONSTANT
    EJECTOR_Y_MM : DINT := 4000;  COUNTS_PER_MM : DINT := 10;  HALF_WINDOW : DINT := 1500;
END_VAR

(* 1. the watchdog: a timer that every change of the heartbeat restarts *)
heartbeatTimer(IN := in_[1] = lastBeat, PT := T#500MS);
IF NOT communicationOk THEN
    beats := 0;
ELSIF in_[1] <> lastBeat THEN
    beats := MIN(beats + 1, 2);                (* the first value read may be hours old *)
END_IF;
lastBeat := in_[1];
watched := communicationOk AND in_[0] = 1 AND beats = 2 AND NOT heartbeatTimer.Q
           AND (in_[2] = 1 OR in_[2] = 2);

(* 2. unknown is not clear *)
gasClear      := watched AND in_[5] = 1;
requestStop   := watched AND in_[5] = 2;       (* a process stop, never the E-stop circuit *)
gasUnknown    := NOT watched OR in_[5] = 0;    (* your plant's rule: slow down, call a picker *)

(* 3. the handshake, one record per scan *)
FOR slot := 0 TO 2 DO
    base := 14 + 15 * slot;
    seq := SHL(UINT_TO_UDINT(in_[base]), 16) OR UINT_TO_UDINT(in_[base + 1]);
    IF seq <> 0 AND in_[base + 14] = in_[base + 1] THEN
        known := FALSE;
        FOR i := 0 TO 15 DO known := known OR taken[i] = seq; END_FOR;
        IF (in_[base + 13] AND 4) = 0 AND in_[base + 10] = 32767 THEN
            CONTINUE;                          (* beyond the range of eta_ms: leave it *)
        END_IF;
        IF NOT known AND entries < 64 THEN
            (* 4. by belt position; in_[base + 13].2: in counts of our own encoder *)
            IF (in_[base + 13] AND 4) <> 0 THEN
                target := UDINT_TO_DINT(SHL(UINT_TO_UDINT(in_[base + 8]), 16)
                                        OR UINT_TO_UDINT(in_[base + 9]))
                          + (EJECTOR_Y_MM - INT_TO_DINT(UINT_TO_INT(in_[base + 6])))
                            * COUNTS_PER_MM;
            ELSE  (* no encoder: remaining time x belt speed *)
                target := encoder + INT_TO_DINT(UINT_TO_INT(in_[base + 10])) * countsPerMs;
            END_IF;
            shiftRegister[entries] := target;  entries := entries + 1;
            taken[nextTaken] := seq;  nextTaken := (nextTaken + 1) MOD 16;
        END_IF;
        out_[1] := in_[base];  out_[2] := in_[base + 1];   (* 101, 102: taken *)
        EXIT;
    END_IF;
END_FOR;

(* the ejector: open while any target is within the window (drop the entries behind it) *)
divert := FALSE;
FOR i := 0 TO entries - 1 DO
    divert := divert OR ABS(encoder - shiftRegister[i]) <= HALF_WINDOW;
END_FOR;

(* the registers that the PLC writes *)
out_[0] := out_[0] + 1;                                     (* 100: our heartbeat *)
out_[3] := SEL(beltRuns, 1, 2);                             (* 103 *)
out_[4] := beltSpeedMmS;                                    (* 104 *)
out_[5] := UDINT_TO_UINT(SHR(DINT_TO_UDINT(encoder), 16));  (* 105 *)
out_[6] := UDINT_TO_UINT(DINT_TO_UDINT(encoder) AND 16#FFFF); (* 106 *)
```

`vigitri plc-sim 127.0.0.1:1502` does all this in a terminal, to try a bridge without a PLC. With
`--course 400:20,0:3,-200:2` its belt runs, stops and reverses.
"""


_BELT = """## Belt state: register 59

The detector compares your run signal (103) and encoder (105–106) with the motion of the belt in the
images and with the speed in its profile, as far as they exist. From 4 on `state` reads 2: hazards
are detected as usual, but *where and when* they arrive is not certain, so do not eject by `eta_ms`
alone. `speed_basis` and `belt_reason` in the detector's line state give the details.

| code | meaning and what to check |
|---|---|"""
BELT_MEANING = {
    BeltWord.UNKNOWN: "the belt is not being watched, or its speed is unknown: no encoder, no "
    "set speed, and nothing in the images can be followed, or parts of them move differently "
    "(stationary material, caught film). Status bit 2 is 0 once no speed is available",
    BeltWord.RUNS: "it runs, and all sources agree",
    BeltWord.STOPPED: "it is stopped, by your order or with no order known",
    BeltWord.STOPPED_ORDERED_TO_RUN: "103 reads 2 (run) and it is stopped: drive tripped, "
    "belt blocked. It is well watched, so `state` stays 1",
    BeltWord.RUNS_ORDERED_TO_STOP: "103 reads 1 (stop) and it has moved for 3 s more, by "
    "encoder or images: contactor welded, or 103 is wired incorrectly",
    BeltWord.REVERSES: "it runs against its travel, or the encoder is wired in reverse",
    BeltWord.SLIPS: "encoder and images differ by over 3 % of the travel, over 1 s or 5 s: the "
    "measuring wheel or the belt slips, material is stationary, or the counts per mm are wrong. "
    "Times still follow the encoder",
    BeltWord.DISAGREES: "no encoder; the images differ by over 5 % from the speed in the "
    "profile, over 5 s: that speed is wrong, material is stationary, or the belt stopped and 103 "
    "did not report it. Times still follow the profile's speed",
    BeltWord.ENCODER_LOST: "the profile names an encoder and no count arrives, or none that can be "
    "used: 100 to 106 are not written, or the heartbeat (100) does not change, or words are "
    "swapped or torn (the bridge's log says so). Times follow the profile's speed, else "
    "the images",
    BeltWord.ENCODER_STUCK: "105–106 do not change while the belt moves in the images: wheel "
    "lifted, cable broken. The encoder is not used, as in 8",
    BeltWord.ENCODER_BACKWARDS: "105–106 count down while the images move forward: "
    "swapped tracks, or wrong sign of the counts per mm. The encoder is not used, as in 8",
}


def plc_reference() -> str:
    """The whole page, Markdown."""
    parts = [
        _HEAD,
        _table(plc.NODE),
        f"\nRecords at {', '.join(str(plc.FIRST_RECORD + plc.RECORD_WORDS * n) for n in range(3))}"
        f", {plc.RECORD_WORDS} words each, the most urgent events.\n",
        _table(plc.RECORD, offset="+"),
        f"\n## From the PLC: holding registers {plc.PLC_FIRST} to "
        f"{plc.PLC_FIRST + plc.PLC_WORDS - 1}\n\nA PLC whose heartbeat has changed once and then "
        f"not for {PLC_SILENT_NS / 1e9:g} s is lost (status bit 5), and its\n"
        "belt data are no longer used.\n",
        _table(plc.PLC),
        "\n## Codes and bits\n",
        *(_codes(title, codes) for title, codes in _CODES),
        _bits("3 `status`", words.STATUS_MEANING),
        _bits("record `flags` (high byte: the alert's revision, modulo 256)", words.FLAG_MEANING),
        _bits("107 `mode`", words.MODE_MEANING),
        "",
        _BELT,
        *(f"| {code.value} | {text} |" for code, text in BELT_MEANING.items()),
        "",
        _EXAMPLE,
    ]
    return "\n".join(parts)


def _table(registers: tuple[plc.Register, ...], *, offset: str = "") -> str:
    rows = ["| address | name | type | unit | meaning | unknown |", "|---|---|---|---|---|---|"]
    for each in registers:
        last = f"–{offset}{each.address + 1}" if each.words == 2 else ""
        rows.append(
            f"| {offset}{each.address}{last} | `{each.name}` | {each.kind} | {each.unit} "
            f"| {each.meaning} | {each.unknown} |"
        )
    return "\n".join(rows)


def _codes(title: str, codes: type[IntEnum]) -> str:
    words = ", ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in codes)
    return textwrap.fill(f"- {title}: {words}", 100, subsequent_indent="  ")


def _bits(title: str, meaning: Mapping[Any, str]) -> str:
    rows = [f"- {title}:"]
    rows += [f"  - bit {bit.value.bit_length() - 1}: {text}" for bit, text in meaning.items()]
    return "\n".join(rows)
