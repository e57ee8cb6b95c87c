from __future__ import annotations

from pathlib import Path

import pytest

from detector import cores


def machine(folder: Path, cgroup: str, mounts: str, files: dict[str, str]) -> Path:
    """A fake /proc/self; `{top}` in `mounts` and the names of `files` are in `folder`/sys."""
    proc, top = folder / "proc", folder / "sys"
    proc.mkdir()
    (proc / "cgroup").write_text(cgroup)
    (proc / "mountinfo").write_text(mounts.format(top=top))
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return proc


V2 = "31 23 0:28 / {top} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "30 23 0:27 / /proc rw - proc proc rw\n"
    "32 31 0:29 {root} {{top}}/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "33 31 0:30 {root} {{top}}/memory rw - cgroup cgroup rw,memory\n"
)


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"a/b/cpu.max": "max 100000\n"}, None),
        ({"a/b/cpu.max": "250000 100000\n"}, 2.5),
        ({"a/b/cpu.max": "250000 100000\n", "a/cpu.max": "50000 50000\n"}, 1.0),
        ({"a/b/cpu.max": "max 100000\n", "a/cpu.max": "300000 100000\n"}, 3.0),
        ({"a/c/cpu.max": "100000 100000\n"}, None),
    ],
    ids=["no file", "none", "its own", "the smallest", "of the group above", "of another"],
)
def test_a_quota_of_cgroup_2_is_found(
    files: dict[str, str], quota: float | None, tmp_path: Path
) -> None:
    assert cores.quota_cores(machine(tmp_path, "0::/a/b\n", V2, files)) == quota


@pytest.mark.parametrize("root", ["/", "/docker/1"], ids=["host", "container"])
@pytest.mark.parametrize(("us", "quota"), [("-1", None), ("150000", 1.5)])
def test_a_quota_of_cgroup_1_is_found(
    root: str, us: str, quota: float | None, tmp_path: Path
) -> None:
    folder = "cpu,cpuacct" + ("/docker/1" if root == "/" else "")
    proc = machine(
        tmp_path,
        "5:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n0::/\n",
        V1.format(root=root),
        {f"{folder}/cpu.cfs_quota_us": us, f"{folder}/cpu.cfs_period_us": "100000"},
    )
    assert cores.quota_cores(proc) == quota


def test_of_a_group_outside_the_mounted_part_the_mounted_part_counts(tmp_path: Path) -> None:
    files = {"cpu.max": "200000 100000\n"}
    assert cores.quota_cores(machine(tmp_path, "0::/../other\n", V2, files)) == 2.0


def test_a_machine_without_cgroups_has_no_quota(tmp_path: Path) -> None:
    assert cores.quota_cores(tmp_path) is None


@pytest.mark.parametrize(
    ("affinity", "quota", "number", "text"),
    [
        (8, None, 8, "8 cores"),
        (4, None, 4, "4 cores (of 8, by its affinity)"),
        (8, 2.5, 2, "2 cores (of 8, by the CPU quota of its cgroup: 2.5)"),
        (8, 0.5, 1, "1 core (of 8, by the CPU quota of its cgroup: 0.5)"),
        (2, 6.0, 2, "2 cores (of 8, by its affinity)"),
    ],
)
def test_the_smaller_of_affinity_and_quota_counts(
    affinity: int, quota: float | None, number: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: set(range(affinity)))
    monkeypatch.setattr(cores.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(cores, "quota_cores", lambda: quota)
    assert cores.available_cores() == number
    assert cores.describe_cores() == text


@pytest.mark.parametrize(
    ("cpuinfo", "lacks"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_vnni\n", True),
        ("processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16\n", False),
        ("processor\t: 0\nflags\t\t: fpu amx_bf16 amx_tile\n", False),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", False),  # an ARM CPU has other names
        (None, False),
    ],
)
def test_only_an_x86_cpu_that_names_no_bfloat16_certainly_lacks_it(
    tmp_path: Path, cpuinfo: str | None, lacks: bool
) -> None:
    file = tmp_path / "cpuinfo"
    if cpuinfo is not None:
        file.write_text(cpuinfo, encoding="utf-8")
    assert cores.lacks_bfloat16(file) is lacks
