"""Room for compiled programs, each of which holds some memory mappings: Linux allows a process 65530 of them.

A picture of a new size brings about 2700, and where there are none left, the compiler ends the process without a word.
"""

from pathlib import Path

import jax

MOST_MAPPINGS = 24000
MAPPINGS = Path("/proc/self/maps")  # a line each, on Linux; other systems have no such limit


def make_room() -> None:
    """Forget all compiled programs if they hold more than `MOST_MAPPINGS`; what is needed again is compiled again."""
    if _mappings() > MOST_MAPPINGS:
        jax.clear_caches()


def _mappings() -> int:
    try:
        return MAPPINGS.read_bytes().count(b"\n")
    except OSError:
        return 0
