"""The Ray session of a run: its own on this machine, or a cluster's.

Only Ray's actors are used. Ray Data, made for such work, sees blocks of rows: an error drops a
whole block or the run, a worker's death repeats it without end, and the missing rows have no names.
Here a clip has attempts, reasons and one result, which this process alone writes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from detector.cores import available_cores
from detector.errors import VigitriError

OBJECT_STORE_BYTES = 128 * 1024 * 1024
"""Of a session on this machine: an answer is one clip's rows, or a part's tape of a few MB."""
LONGEST_TMPDIR = 30
"""Characters of TMPDIR. Ray puts sockets below it, whose paths may have 107."""

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
    # Ray looks for a TPU at metadata.google.internal, unless these tell it what there is: none.
    "TPU_ACCELERATOR_TYPE": "none",
    "TPU_NAME": "none",
    "TPU_WORKER_ID": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}


class SessionError(VigitriError):
    """No Ray session: one line with the reason and the fix."""


def prepare_environment(*, own: bool) -> None:
    """Turn off what Ray sends and writes; before it is imported. `own`: of a new session here."""
    os.environ.update({key: os.environ.get(key, value) for key, value in _ENVIRONMENT.items()})
    if own and "ray" not in sys.modules:  # it reads its token when it is imported
        # Ray would otherwise write one to ~/.ray/auth_token.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    if own:
        os.environ.pop("RAY_ADDRESS", None)
        # Its usage statistics, though off, ask the servers of three clouds which one this is; by
        # HTTP, which goes to this closed port instead. Its own connections are none of HTTP.
        os.environ.setdefault("http_proxy", "http://127.0.0.1:9")
        os.environ.setdefault("no_proxy", "127.0.0.1,localhost")


@contextlib.contextmanager
def session(address: str | None, cpus: int | None = None) -> Iterator[Any]:
    """A Ray session: the cluster's at `address`, or one of this machine, ended with the context.

    `cpus`: of a session on this machine; None: its cores. Yields the module `ray`.

    Raises `SessionError`, and `ModuleNotFoundError` without the extra.
    """
    prepare_environment(own=address is None)
    import ray

    options: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "configure_logging": True,
    }
    if address is None:
        options |= {
            "num_cpus": cpus or available_cores(),
            "num_gpus": 0,
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
        }
        if len(tempfile.gettempdir()) > LONGEST_TMPDIR:
            options["_temp_dir"] = "/tmp/ray"  # Ray's own default
    else:
        options["address"] = address
    for last in (False, True):  # Ray gives its own processes 30 s, which a loaded machine exceeds
        try:
            ray.init(**options)
            break
        except Exception as error:  # Ray raises all kinds, and bare ones
            ray.shutdown()
            if last or address is not None:
                reason = str(error).strip().splitlines()[0] if str(error).strip() else "no answer"
                where = "on this machine" if address is None else f"at {address}"
                raise SessionError(f"no Ray session {where}: {reason}") from None
    try:
        yield ray
    finally:
        ray.shutdown()
