"""How many cores there are, and that all of them work on the search. Nothing here imports JAX."""

import os

DEVICES = "--xla_force_host_platform_device_count"


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def device_a_core() -> None:
    """Let JAX see each core as a device, before its first work, so that the starts of a search are shared out.

    One start alone seldom keeps two cores busy. Where NPROC says how many cores are this process's own, as a launcher
    does, there are so many; a number of devices that the user has set stays.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if DEVICES not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {DEVICES}={os.environ.get('NPROC') or cores()}".strip()
