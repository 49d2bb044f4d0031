"""python -m inr_deblur.run image=PATH [key=value ...]: Hydra's settings in, one run or a sweep of them out.

Everything that a user can do wrong ends in one sentence on standard error and exit code 1.
"""

import logging
import os
import sys
import time
import warnings
from typing import cast

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from inr_deblur.arguments import PATHS, help_page, prepare
from inr_deblur.errors import InputError
from inr_deblur.run_config import RunConfig, conf_folder, register
from inr_deblur.run_folder import run_folder

BEGAN = time.perf_counter()
NOT_IN_NAMES = (*PATHS, "overwrite", "progress")  # settings that don't name a sweep's folders


def main(argv: list[str] | None = None) -> int:
    """Run the command with these arguments, by default the program's; returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if {"--help", "-h"} & set(argv):
        print(help_page())
        return 0
    _prepare_environment()
    register()
    failures: list[Exception] = []

    def task(config: DictConfig) -> None:
        try:
            _run(config, BEGAN if _sweep() is None else time.perf_counter())
        except (InputError, OmegaConfBaseException) as error:
            print(_sentence(error), file=sys.stderr)
            failures.append(error)
            if _sweep() is not None:
                raise  # Hydra goes on with the other jobs, and raises it again at the end

    program, sys.argv = sys.argv, [sys.argv[0]]
    try:
        sys.argv += prepare(argv)
        hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")(task)()
    except (InputError, HydraException, OmegaConfBaseException) as error:
        if not failures:
            print(_sentence(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped: nothing was written.", file=sys.stderr)
        return 130
    finally:
        sys.argv = program
    return 1 if failures else 0


def _run(config: DictConfig, began: float) -> None:
    """One job of Hydra's: restore, and say how it went."""
    if OmegaConf.is_missing(config, "image"):
        raise InputError("No picture is given: write image=PATH, or --help for all settings.")
    from inr_deblur.job import restore

    settings = cast(RunConfig, OmegaConf.to_object(config))
    words = restore(settings, run_folder(settings.image, settings.out, _sweep()), began)
    if settings.progress != "none":
        print(words)


def _sweep() -> list[str] | None:
    """The settings that name this job in a sweep, None outside of one."""
    if HydraConfig.get().mode != RunMode.MULTIRUN:
        return None
    given = (setting.lstrip("+") for setting in HydraConfig.get().overrides.task)
    return [setting for setting in given if setting.partition("=")[0] not in NOT_IN_NAMES]


def _sentence(error: Exception) -> str:
    """What is wrong, on one line: of Hydra's errors also the cause, without the tail about types."""
    if isinstance(error, InputError):
        return str(error)
    texts = [str(part).partition("\n    full_key:")[0] for part in (error, error.__cause__) if part]
    return ": ".join(" ".join(text.split()) for text in texts)


def _prepare_environment() -> None:
    """What JAX and Hydra read when they start; a variable that the user has set stays as it is."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    defaults = {
        "JAX_COMPILATION_CACHE_DIR": os.path.expanduser(f"{home}/inr_deblur/jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",  # small programs count: there are many of them
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # several jobs can share a GPU
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come here instead of being printed
    for noisy in ("jax", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", "Error .* persistent compilation cache")  # it is slower then, no more


if __name__ == "__main__":
    sys.exit(main())
