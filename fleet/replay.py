"""`vigitri fleet replay`: an archive's clips, each with exactly one result, or a named failure.

This process alone writes results; workers only compute. So a worker that is lost, or believed lost
and still running, can neither lose nor double a result.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from fleet.clips import Clip
from fleet.provenance import Settings
from fleet.results import Results, failure_row
from fleet.scorer import Answer, Scorer, Task
from fleet.tables import Row

WAIT_S = 1.0
"""Between two updates of the progress while no clip ends."""

STALLED_S = 300.0
"""A worker that makes no progress for this time is ended: its clip hangs, or its storage does."""

WATCH = "watch"
"""Ray's name of the thread in which workers say how far they are."""

CLOSE_S = 5.0
"""Longest wait for idle workers to remove their copy of a clip."""


@dataclass(slots=True)
class Progress:
    """How far a run is."""

    clips: int
    done: int = 0
    resumed: int = 0
    """Of the clips, those that an earlier run has finished."""
    failed: int = 0
    """Clips without a result, after all attempts."""
    failures: int = 0
    """Failed attempts."""
    workers: int = 0
    belt_s: float = 0.0
    """Time of recording that this run has processed."""
    started_s: float = field(default_factory=time.monotonic)

    @property
    def belt_hours_per_hour(self) -> float:
        return self.belt_s / max(1e-9, time.monotonic() - self.started_s)

    @property
    def left_s(self) -> float | None:
        """Time left, by the rate so far; None: no clip has ended yet."""
        here = self.done - self.resumed
        elapsed_s = time.monotonic() - self.started_s
        return None if not here else elapsed_s / here * (self.clips - self.done - self.failed)


@dataclass(slots=True)
class _Long:
    """A clip in parts."""

    cuts: list[tuple[int, int]]
    open: set[int]
    cost: Row = field(default_factory=dict)
    joining: bool = False


@dataclass(frozen=True, slots=True)
class _Job:
    """What a worker is given: a task, or the joining of a clip's parts."""

    task: Task
    join: bool = False


class FleetReplay:
    """Distributes clips to workers, and writes what they answer."""

    def __init__(
        self,
        ray: Any,
        results: Results,
        settings: Settings,
        provenances: dict[str | None, Row],
        *,
        workers: int,
        attempts: int = 3,
        stalled_s: float = STALLED_S,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_failure: Callable[[Row], None] = lambda _: None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        """`provenances`: by path of the profile. `attempts`: of each clip, or part of a long one,
        before it counts as failed. `stalled_s`: longest time without progress, such as a frame.
        `on_ready`: called when all workers have their models."""
        self._ray, self._results, self._settings = ray, results, settings
        self._provenances, self._attempts = provenances, attempts
        self.on_progress, self._on_failure, self._on_ready = on_progress, on_failure, on_ready
        self._wanted = workers
        self._actor_class = ray.remote(
            num_cpus=settings.threads,
            max_restarts=0,
            max_task_retries=0,
            concurrency_groups={WATCH: 1},
        )(Scorer)
        self._jobs: deque[_Job] = deque()
        self._idle: deque[Any] = deque()
        self._workers: set[Any] = set()
        self._running: dict[Any, tuple[Any, _Job | None]] = {}
        """Worker and job by Ray's reference; a worker without a job is being started."""
        self._stalled_s = stalled_s
        self._watch_s = 0.0
        """When to look at the workers again."""
        self._steps: dict[Any, tuple[int, float]] = {}
        """Of each busy worker: how far it is, and since when."""
        self._names: dict[Any, str] = {}
        """Host and process of each worker."""
        self._tries: dict[tuple[str, int | None], int] = {}
        self._long: dict[str, _Long] = {}
        self.failures: list[Row] = []
        self.progress = Progress(0)

    def run(self, clips: Sequence[Clip]) -> Progress:
        """Process the clips that have no result yet, then make the tables.

        Raises `OSError` if a result cannot be written, for example on a full disk: what is written
        is whole, and the same run continues from there.
        """
        finished = self._results.finished()
        self.progress = Progress(len(clips))
        for clip in clips:
            if clip.key in finished:
                self.progress.done += 1
                self.progress.resumed += 1
            else:
                self._jobs.append(_Job(Task(clip, self._provenance(clip))))
        try:
            self._start_workers()
            while self._jobs or any(job for _, job in self._running.values()):
                self._assign()
                self.progress.workers = len(self._workers) - self._starting
                self.on_progress(self.progress)
                self._take_answers()
                self._end_stalled()
        finally:
            closing = [worker.close.remote() for worker in self._idle]
            if closing:
                self._ray.wait(closing, num_returns=len(closing), timeout=CLOSE_S)
            for worker in self._workers:
                self._ray.kill(worker, no_restart=True)
        self._name_missing(clips)
        self._results.merge(self._all_failures(clips))
        self.on_progress(self.progress)
        return self.progress

    def _provenance(self, clip: Clip) -> str:
        return str(self._provenances[clip.profile]["provenance"])

    @property
    def _starting(self) -> int:
        return sum(job is None for _, job in self._running.values())

    def _start_workers(self) -> None:
        """As many as wanted. One that finds no CPU, as after the loss of a machine, waits for it
        and holds no clip."""
        while len(self._workers) < self._wanted:
            worker = self._actor_class.remote(self._settings)
            self._workers.add(worker)
            self._running[worker.ready.remote(list(self._provenances))] = worker, None

    def _assign(self) -> None:
        while self._idle and self._jobs:
            worker, job = self._idle.popleft(), self._jobs.popleft()
            if job.join:
                parts = self._parts_of(job.task.clip)
                if parts is None:  # one was removed
                    self._idle.append(worker)
                    self._abandon_split(job.task.clip)
                    self._jobs.append(_Job(Task(job.task.clip, job.task.provenance)))
                    continue
                reference = worker.join.remote(job.task, parts)
            else:
                reference = worker.process.remote(job.task)
            self._running[reference] = worker, job
            self._steps[worker] = -1, time.monotonic()

    def _parts_of(self, clip: Clip) -> list[Any] | None:
        cuts = self._long[clip.key].cuts
        parts = [self._results.read_part(clip, n, cut) for n, cut in enumerate(cuts)]
        return parts if all(parts) else None

    def _take_answers(self) -> None:
        references = list(self._running)
        ready, _ = self._ray.wait(references, num_returns=1, timeout=WAIT_S)
        for reference in ready:
            worker, job = self._running.pop(reference)
            try:
                answer = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:
                self._replace(worker)
                if job is not None:
                    self._failed(job, "worker", _lost(error))
                continue
            self._idle.append(worker)
            if job is not None:
                self._take(job, answer)
                continue
            self._names[worker] = answer
            if len(self._names) == self._wanted:
                self._on_ready()

    def _replace(self, worker: Any) -> None:
        self._workers.discard(worker)
        self._ray.kill(worker, no_restart=True)
        self._start_workers()

    def _end_stalled(self) -> None:
        """End the workers whose clip has hung for too long."""
        now_s = time.monotonic()
        if now_s < self._watch_s:
            return
        self._watch_s = now_s + min(10.0, self._stalled_s / 5)
        busy = {each[0]: reference for reference, each in self._running.items() if each[1]}
        asked = {worker.steps.options(concurrency_group=WATCH).remote(): worker for worker in busy}
        if not asked:
            return
        ready, _ = self._ray.wait(list(asked), num_returns=len(asked), timeout=WAIT_S)
        for reference in ready:
            try:
                steps = self._ray.get(reference)
            except self._ray.exceptions.RayError:
                continue  # it is lost: the answer to its job says so
            if steps != self._steps[asked[reference]][0]:
                self._steps[asked[reference]] = steps, now_s
        for worker, reference in busy.items():
            if now_s - self._steps[worker][1] > self._stalled_s:
                _, job = self._running.pop(reference)
                assert job is not None
                self._replace(worker)
                reason = f"it made no progress for {self._stalled_s:g} s: its worker was ended"
                self._failed(job, "worker", reason)

    def busy_pids(self) -> list[int]:
        """Processes of the workers that have a clip now."""
        busy = (worker for worker, job in self._running.values() if job is not None)
        return [int(self._names[worker].split()[1]) for worker in busy if worker in self._names]

    def _take(self, job: _Job, answer: Answer) -> None:
        task = job.task
        if answer.cause is not None:
            self._failed(job, answer.cause, answer.reason)
        elif answer.not_split is not None:
            if task.part is not None and task.clip.key not in self._long:
                return  # another of its parts has said so already
            self._abandon_split(task.clip)
            self._jobs.appendleft(_Job(replace(task, part=None, cut=None, whole=True)))
        elif answer.cuts is not None:
            self._split(task, answer)
        elif answer.part is not None:
            self._take_part(task, answer)
        else:
            self._finish(task, answer)

    def _split(self, task: Task, answer: Answer) -> None:
        assert answer.cuts is not None
        cuts = [(int(first), int(last)) for first, last in answer.cuts]
        there = [self._results.read_part(task.clip, n, cut) for n, cut in enumerate(cuts)]
        long = _Long(cuts, {n for n, part in enumerate(there) if part is None}, answer.cost)
        self._long[task.clip.key] = long
        for number in sorted(long.open, reverse=True):
            self._jobs.appendleft(_Job(replace(task, part=number, cut=cuts[number])))
        self._join_if_complete(task)

    def _take_part(self, task: Task, answer: Answer) -> None:
        long = self._long.get(task.clip.key)
        if long is None:
            return  # another of its parts could not be processed: the clip is processed as one
        assert task.part is not None
        assert task.cut is not None
        assert answer.part is not None
        self._results.write_part(task.clip, task.part, task.cut, answer.part)
        long.open.discard(task.part)
        _add_cost(long.cost, answer.cost)
        self._join_if_complete(task)

    def _join_if_complete(self, task: Task) -> None:
        long = self._long[task.clip.key]
        if not long.open and not long.joining:
            long.joining = True
            self._jobs.appendleft(_Job(replace(task, part=None, cut=None), join=True))

    def _abandon_split(self, clip: Clip) -> None:
        long = self._long.pop(clip.key, None)
        self._jobs = deque(job for job in self._jobs if job.task.clip.key != clip.key)
        if long is not None:
            self._results.remove_parts(clip, len(long.cuts))

    def _finish(self, task: Task, answer: Answer) -> None:
        assert answer.revisions is not None
        assert answer.totals is not None
        long = self._long.pop(task.clip.key, None)
        cost = answer.cost if long is None else _add_cost(long.cost, answer.cost)
        tries = sum(count for (key, _), count in self._tries.items() if key == task.clip.key)
        attempts = tries + (1 if long is None else len(long.cuts))
        finished = {"attempts": attempts, "finished_utc": datetime.now(UTC)}
        self._results.write_clip(task.clip, answer.revisions, answer.totals, {**cost, **finished})
        if long is not None:
            self._results.remove_parts(task.clip, len(long.cuts))
        self.progress.done += 1
        self.progress.belt_s += answer.totals["recorded_s"]

    def _failed(self, job: _Job, cause: str, reason: str) -> None:
        task = job.task
        if task.part is not None and task.clip.key not in self._long:
            return  # of a clip that has failed already, or is processed as one
        attempt = self._tries[task.clip.key, task.part] = (
            self._tries.get((task.clip.key, task.part), 0) + 1
        )
        final = attempt >= self._attempts
        line = str(self._provenances[task.clip.profile]["line"])
        row = failure_row(task.clip, line, attempt, cause, reason, part=task.part, final=final)
        self.failures.append(row)
        self.progress.failures += 1
        self._on_failure(row)
        if final:
            self.progress.failed += 1
            self._abandon_split(task.clip)
        else:
            self._jobs.append(job)

    def _name_missing(self, clips: Sequence[Clip]) -> None:
        """Each clip of our own list has a result or a final failure, whatever went wrong."""
        finished = self._results.finished()
        named = {(row["line"], row["clip"]) for row in self.failures if row["final"]}
        for clip in clips:
            line = str(self._provenances[clip.profile]["line"])
            if clip.key not in finished and (line, clip.name) not in named:
                row = failure_row(
                    clip, line, 0, "error", "it has no result, for no known reason",
                    part=None, final=True,
                )  # fmt: skip
                self.failures.append(row)
                self.progress.failed += 1
                self._on_failure(row)

    def _all_failures(self, clips: Sequence[Clip]) -> list[Row]:
        """Those of this run and of earlier ones; an earlier final one was not, if the clip was
        tried again."""
        tried = {clip.name for clip in clips}
        earlier = [
            {**row, "final": row["final"] and row["clip"] not in tried}
            for row in self._results.folder.read_table("failures")
        ]
        return earlier + self.failures


def _add_cost(cost: Row, more: Row) -> Row:
    for key in ("elapsed_s", "cpu_s", "fetch_s"):
        cost[key] = cost.get(key, 0.0) + more.get(key, 0.0)
    cost["peak_mib"] = max(cost.get("peak_mib", 0.0), more.get("peak_mib", 0.0))
    cost["worker"] = more.get("worker")
    return cost


def _lost(error: BaseException) -> str:
    """Why a worker was lost, in one line."""
    text = " ".join(str(error).split())
    kind = type(error).__name__
    return f"its worker was lost: {kind}: {text[:300]}" if text else f"its worker was lost: {kind}"
