"""The cores that this process may use, by its affinity and by the CPU quota of its cgroup; and
whether they multiply bfloat16.

A container with `--cpus=2`, or a service with `CPUQuota=200%`, has the affinity of all cores. More
threads than its quota use it up early in each period of 100 ms, and then none of them runs until
the next one: the line would stall at every inference pass.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def available_cores() -> int:
    """The number of cores that this process may use, at least 1.

    A quota of 2.5 is 2 cores: with a third thread it would be used up.
    """
    quota = quota_cores()
    by_affinity = len(os.sched_getaffinity(0))
    return by_affinity if quota is None else min(by_affinity, max(1, math.floor(quota)))


BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "avx_ne_convert"})
"""Linux's names of the x86 instructions that do."""


def lacks_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the CPU certainly lacks it: it is an x86 CPU whose flags do not name it."""
    for line in _read(cpuinfo).splitlines():
        key, _, flags = line.partition(":")
        if key.strip() == "flags":
            return not BFLOAT16_FLAGS & set(flags.split())
    return False


def describe_cores() -> str:
    """Such as `2 cores (of 8, by the CPU quota of its cgroup: 2.5)`."""
    cores, by_affinity, all_cores = available_cores(), len(os.sched_getaffinity(0)), os.cpu_count()
    text = f"{cores} core" if cores == 1 else f"{cores} cores"
    quota = quota_cores()
    if quota is not None and quota < by_affinity:
        return f"{text} (of {by_affinity}, by the CPU quota of its cgroup: {quota:.3g})"
    if all_cores is not None and by_affinity < all_cores:
        return f"{text} (of {all_cores}, by its affinity)"
    return text


def quota_cores(proc: Path = Path("/proc/self")) -> float | None:
    """The smallest CPU quota of this process's cgroups and those above, in cores; None: none.

    `proc`: the folder with `cgroup` and `mountinfo` of the process.
    """
    quotas = [quota for folder in _folders(proc) if (quota := _quota(folder)) is not None]
    return min(quotas, default=None)


def _folders(proc: Path) -> Iterator[Path]:
    """The process's own folder in each hierarchy that limits CPU time, and the folders above."""
    groups = _groups(proc / "cgroup")
    for line in _read(proc / "mountinfo").splitlines():
        mount, _, filesystem = line.partition(" - ")
        fields, kind = mount.split(), filesystem.split()
        if len(fields) < 5 or len(kind) < 3 or kind[0] not in {"cgroup", "cgroup2"}:
            continue
        if kind[0] == "cgroup" and "cpu" not in kind[2].split(","):
            continue
        group = groups.get("" if kind[0] == "cgroup2" else "cpu")
        if group is None:
            continue
        root, top = PurePosixPath(fields[3]), Path(fields[4])
        inside = PurePosixPath(group)
        # A group outside the mounted part, as a container sees it: only the mounted part is known.
        below = inside.relative_to(root) if inside.is_relative_to(root) else PurePosixPath()
        folder = top / below if ".." not in below.parts else top
        yield from (each for each in (folder, *folder.parents) if each.is_relative_to(top))


def _groups(path: Path) -> dict[str, str]:
    """The process's cgroup by controller; version 2 has the empty name."""
    groups: dict[str, str] = {}
    for line in _read(path).splitlines():
        _, _, named = line.partition(":")
        controllers, _, group = named.partition(":")
        groups |= dict.fromkeys(controllers.split(","), group)
    return groups


def _quota(folder: Path) -> float | None:
    """The quota of one cgroup, of version 2 or 1, in cores."""
    text = _read(folder / "cpu.max") or (
        f"{_read(folder / 'cpu.cfs_quota_us')} {_read(folder / 'cpu.cfs_period_us')}"
    )
    try:
        quota_us, period_us = map(int, text.split())
    except ValueError:  # "max 100000", or no such file
        return None
    return quota_us / period_us if quota_us > 0 and period_us > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
