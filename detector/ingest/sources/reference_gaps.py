"""Finds that an image is missing before one of a stream's coded images.

FFmpeg decodes an H.264 image on whatever came before, and gives no sign if an image was lost as a
whole: the belt's movement is then painted on the wrong place until the next key frame. (H.265
images on a missing one are not given out.)
"""

from __future__ import annotations

_SLICE, _IDR_SLICE, _PARAMETERS = 1, 5, 7
_HIGH_PROFILES = {44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244}
"""Profiles whose parameters have the fields of ITU-T H.264, 7.3.2.1.1, from `chroma_format_idc`."""
_HEAD_BYTES = 4096
"""Parameter sets and messages before the first slice; all is found within it."""
_SLICE_HEAD_BYTES = 32


class ReferenceGaps:
    """Follows the numbers of H.264's reference images (`frame_num`, ITU-T H.264, 7.4.3)."""

    def __init__(self, parameters: bytes = b"") -> None:
        """`parameters`: the stream's parameter sets as announced, with start codes; if any."""
        self._number_bits: int | None = None
        """None: unknown, or the stream may leave numbers out; then nothing is found."""
        self._has_planes = False
        self._last: int | None = None
        for unit in _units(parameters):
            self._read_parameters(unit)

    def is_after_gap(self, coded: bytes | memoryview) -> bool:
        """Whether a reference image is missing before this coded image, with start codes."""
        for unit in _units(bytes(coded[:_HEAD_BYTES])):
            kind, is_reference = unit[0] & 31, bool(unit[0] & 0x60)
            if kind == _PARAMETERS:
                self._read_parameters(unit)
            elif kind == _IDR_SLICE:
                self._last = 0
                return False
            elif kind == _SLICE:
                try:
                    return self._is_gap(unit, is_reference)
                except IndexError:  # cut off: its rest is missing
                    return True
        self._last = None  # no slice found: its number is not known
        return False

    def _is_gap(self, unit: bytes, is_reference: bool) -> bool:
        if self._number_bits is None:
            return False
        bits = _Bits(unit[1:_SLICE_HEAD_BYTES])
        bits.exp_golomb()  # first_mb_in_slice
        bits.exp_golomb()  # slice_type
        bits.exp_golomb()  # pic_parameter_set_id
        if self._has_planes:
            bits.read(2)
        number, last = bits.read(self._number_bits), self._last
        if is_reference or last is None:
            self._last = number
        return last is not None and (number - last) % (1 << self._number_bits) > 1

    def _read_parameters(self, unit: bytes) -> None:
        if not unit or unit[0] & 31 != _PARAMETERS:
            return
        try:
            self._number_bits = self._bits_of_numbers(_Bits(unit[1:]))
        except IndexError:
            self._number_bits = None

    def _bits_of_numbers(self, bits: _Bits) -> int | None:
        """`log2_max_frame_num`, or None if the stream may leave numbers out."""
        profile = bits.read(8)
        bits.read(16)
        bits.exp_golomb()  # seq_parameter_set_id
        self._has_planes = False
        if profile in _HIGH_PROFILES:
            if (chroma := bits.exp_golomb()) == 3:
                self._has_planes = bool(bits.read(1))
            bits.exp_golomb()  # bit depths
            bits.exp_golomb()
            bits.read(1)
            if bits.read(1):  # scaling matrices
                for place in range(8 if chroma != 3 else 12):
                    if bits.read(1):
                        _skip_scaling_list(bits, 16 if place < 6 else 64)
        number_bits = bits.exp_golomb() + 4
        order = bits.exp_golomb()
        if order == 0:
            bits.exp_golomb()
        elif order == 1:
            bits.read(1)
            bits.exp_golomb()
            bits.exp_golomb()
            for _ in range(bits.exp_golomb()):
                bits.exp_golomb()
        bits.exp_golomb()  # max_num_ref_frames
        may_leave_out = bits.read(1)
        return None if may_leave_out else number_bits


class _Bits:
    """Reads a unit's bits, without its emulation prevention. Raises `IndexError` at its end."""

    def __init__(self, unit: bytes) -> None:
        raw = unit.replace(b"\0\0\3", b"\0\0")
        self._value, self._left = int.from_bytes(raw, "big"), 8 * len(raw)

    def read(self, count: int) -> int:
        if count > self._left:
            raise IndexError("the unit is too short")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def exp_golomb(self) -> int:
        """An unsigned Exp-Golomb code; a signed one has the same length."""
        zeros = 0
        while not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            code = bits.exp_golomb()
            following = (last + (code + 1) // 2 * (1 if code % 2 else -1)) % 256
        last = following or last


def _units(coded: bytes) -> list[bytes]:
    """The NAL units of a byte stream, the last one perhaps cut off."""
    return [unit for unit in coded.split(b"\0\0\1")[1:] if unit]
