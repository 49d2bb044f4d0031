"""Where compiled programs are kept on disk for later runs and processes; of room for them in memory, see `programs`.

Nothing here imports JAX.
"""

import os
import warnings
from pathlib import Path


def keep_programs(folder: str | Path) -> None:
    """Let JAX keep in this folder all that it compiles, small programs too, of which there are many.

    To be called before JAX is imported. A variable of JAX's that the user has set stays as it is.
    """
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(folder).expanduser().resolve()))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    warnings.filterwarnings("ignore", "Error .* persistent compilation cache")  # it is slower then, no more
