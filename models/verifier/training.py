"""Training of the verifier: AdamW, one cycle, averaged weights.

In float32 on a CPU: bfloat16 autocast took 18.6 ms of one core per crop with AVX512-BF16, float32
12.0, because the gradients of small depthwise convolutions are slow in bfloat16.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from pickle import UnpicklingError
from queue import Full, Queue
from threading import Event, Thread
from typing import Any

import numpy as np

from detector.cores import available_cores
from models.training.device import accelerator
from models.verifier import network
from models.verifier.batches import Batch, Batches
from models.verifier.kinds import Kinds
from models.verifier.recipe import VerifierRecipe
from models.workshop import WorkshopError, progress_on_stderr

EPOCH_PASSES = 4096
"""Passes between two checkpoints."""
_BODY_RATE = 0.35
"""Of the head's learning rate."""
_AVERAGED_STEPS = 150
_WARM_UP = 0.1


def train(
    batches: Batches,
    kinds: Kinds,
    recipe: VerifierRecipe,
    out: Path,
    *,
    pretrained: bool = True,
    minutes: float | None = None,
    threads: int | None = None,
) -> Path:
    """Train, or go on from `out/last.pt`; writes and returns `out/verifier.pt`.

    minutes: shorten the schedule so that this call ends about then. threads: None: one per core; on
    a busy machine one is faster.
    """
    import torch

    torch.manual_seed(recipe.seed)
    torch.set_num_threads(threads or available_cores())
    device = accelerator()
    plan = recipe.training
    model = network.build(recipe.features, len(kinds.names), pretrained=pretrained).to(device)
    optimizer = torch.optim.AdamW(_groups(model), lr=plan.peak_lr, weight_decay=plan.weight_decay)
    average = copy.deepcopy(model)
    steps = max(1, plan.passes // plan.batch)
    done = 0
    out.mkdir(parents=True, exist_ok=True)
    last = out / "last.pt"
    if last.is_file():
        done = _loaded(last, device, model=model, average=average, optimizer=optimizer)
    show, began, first = progress_on_stderr(), time.monotonic(), done
    per_epoch = max(1, EPOCH_PASSES // plan.batch)
    model.train()
    losses: list[float] = []
    while done < steps:
        rng = np.random.default_rng([recipe.seed, 99, done])
        made = batches.drawn(rng, plan.batch, min(per_epoch, steps - done))
        for batch in prefetched(made):
            share = done / steps
            if minutes is not None:
                share = max(share, (time.monotonic() - began) / 60 / minutes)
            if share >= 1:
                break
            _set_rates(optimizer, plan.peak_lr * one_cycle(share))
            with _autocast(device):
                _, logits = model(torch.as_tensor(batch.pixels, device=device))
                value = network.loss(
                    logits, batch.allowed, batch.members,
                    smoothing=plan.smoothing, hazard=plan.hazard_loss,
                )  # fmt: skip
            _step(optimizer, model, value)
            done += 1
            _average(average, model, done)
            losses.append(float(value.detach()))
            show(f"steps, loss {np.mean(losses[-50:]):.3f}", done, steps)
        else:
            _save(last, model=model, average=average, optimizer=optimizer, done=done)
            continue
        break
    average.eval()
    spent = (time.monotonic() - began) / 60
    facts = {"passes": done * plan.batch, "minutes": round(spent, 1), "from_step": first}
    path = out / "verifier.pt"
    torch.save({"model": average.state_dict(), "kinds": list(kinds.names), **facts}, path)
    return path


def prefetched(made: Iterator[Batch], ahead: int = 4) -> Iterator[Batch]:
    """The same batches, made in a thread of their own."""
    waiting: Queue[Batch | BaseException | None] = Queue(ahead)
    stopped = Event()

    def put(each: Batch | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                waiting.put(each, timeout=0.5)
            except Full:
                continue
            return

    def fill() -> None:
        try:
            for batch in made:
                put(batch)
                if stopped.is_set():
                    return
            put(None)
        except BaseException as error:  # raised where the batches are used
            put(error)

    Thread(target=fill, daemon=True).start()
    try:
        while (batch := waiting.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield batch
    finally:
        stopped.set()


def _step(optimizer: Any, model: Any, value: Any) -> None:
    import torch

    optimizer.zero_grad()
    value.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
    optimizer.step()


def _groups(model: Any) -> list[dict[str, Any]]:
    kept = {id(w) for part in (model.reduce, model.head) for w in part.parameters()}
    body = [w for w in model.parameters() if w.requires_grad and id(w) not in kept]
    head = [w for w in model.parameters() if id(w) in kept]
    return [{"params": body, "part": _BODY_RATE}, {"params": head, "part": 1.0}]


def _set_rates(optimizer: Any, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["part"]


def one_cycle(share: float) -> float:
    """Learning rate as a share of its peak: a short linear rise, then half a cosine to 1 %."""
    if share < _WARM_UP:
        return 0.04 + 0.96 * share / _WARM_UP
    down = (share - _WARM_UP) / (1 - _WARM_UP)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, down)))


def _autocast(device: str) -> Any:
    import torch

    return torch.autocast(device, torch.bfloat16) if device == "cuda" else nullcontext()


def _average(average: Any, model: Any, step: int) -> None:
    import torch

    decay = min(1 - 1 / _AVERAGED_STEPS, (1 + step) / (10 + step))
    with torch.no_grad():
        for mean, value in zip(average.state_dict().values(), model.state_dict().values(),
                               strict=True):  # fmt: skip
            if mean.dtype.is_floating_point:
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


def _loaded(path: Path, device: str, **parts: Any) -> int:
    """Load what `_save` has written; returns the steps done. Raises `WorkshopError`."""
    import torch

    try:
        state = torch.load(path, map_location=device, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        return int(state["done"])
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].partition(". ")[0]
        raise WorkshopError(
            f"{path}: is cut off, or of another recipe ({reason}); name another folder with -o, or "
            "delete it to begin again"
        ) from error


def _save(path: Path, *, done: int, **parts: Any) -> None:
    import torch

    partial = path.with_suffix(".part")
    torch.save({**{name: part.state_dict() for name, part in parts.items()}, "done": done}, partial)
    partial.replace(path)
