"""python -m inr_deblur.run image=PATH [key=value ...]: Hydra's settings in, one run or a sweep of them out.

Everything that a user can do wrong ends in one sentence on standard error and exit code 1.
"""

import contextlib
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

from inr_deblur.arguments import help_page, prepare
from inr_deblur.cores import device_a_core
from inr_deblur.errors import InputError
from inr_deblur.program_cache import keep_programs
from inr_deblur.run_config import DatasetConfig, RunConfig, conf_folder, register
from inr_deblur.sweep import Plan, announce, claimed, forget_failure, jobs, naming, plan, record_failure, unfinished

BEGAN = time.perf_counter()


def main(argv: list[str] | None = None) -> int:
    """Run the command with these arguments, by default the program's; returns its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if {"--help", "-h"} & set(argv):
        print(help_page())
        return 0
    _prepare_environment()
    register()
    failures: list[Exception] = []
    sweep: Plan | None = None

    def task(config: DictConfig) -> None:
        try:
            _run(config)
        except (InputError, OmegaConfBaseException) as error:
            print(_sentence(error), file=sys.stderr)
            failures.append(error)

    program, sys.argv = sys.argv, [sys.argv[0]]
    try:
        arguments = prepare(argv)
        sweep = plan(arguments)
        if sweep:
            announce(sweep)
        sys.argv += sweep.arguments if sweep else arguments
        hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")(task)()
    except (InputError, HydraException, OmegaConfBaseException) as error:
        if not failures:
            print(_sentence(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped: of what was not finished nothing was written.", file=sys.stderr)
        return 130
    finally:
        sys.argv = program
    lost = unfinished(sweep) if sweep else []
    if sweep and lost:
        named = ", ".join(map(str, lost[:3])) + (", ..." if len(lost) > 3 else "")
        print(f"{len(lost)} of {len(sweep.folders)} jobs have no result: {named}", file=sys.stderr)
    return 1 if failures or lost else 0


def _run(config: DictConfig) -> None:
    """One job of Hydra's: restore its pictures, and say how it went; in a sweep a failure is only written down."""
    if config.dataset.check or config.dataset.download:
        _look_after(config)
        return
    device_a_core()
    sweep = _sweep()
    if sweep is None and _many(config):
        return
    for settings, folder in jobs(config, sweep):
        from inr_deblur.job import restore

        began = BEGAN if sweep is None else time.perf_counter()
        try:
            with claimed(folder) if sweep is not None else contextlib.nullcontext():
                words = restore(settings, folder, began)
        except Exception as error:
            if sweep is None:
                raise
            print(record_failure(folder, settings, error), file=sys.stderr)
            continue
        if sweep is not None:
            forget_failure(folder)
        if settings.progress != "none":
            print(words)


def _many(config: DictConfig) -> bool:
    """Restore the pictures of a folder or a pattern; False if `image` names one picture."""
    if config.dataset.name or OmegaConf.is_missing(config, "image"):
        return False
    from inr_deblur.folder import find_pictures, restore_folder

    settings = cast(RunConfig, OmegaConf.to_object(config))
    pictures = find_pictures(settings.image)
    if pictures is None:
        return False
    table = restore_folder(settings, pictures)
    if settings.progress != "none":
        print(table)
    return True


def _look_after(config: DictConfig) -> None:
    """Fetch a data set, or say what is wrong with it; raises InputError if anything is."""
    from inr_deblur.dataset_files import check_dataset, download

    dataset = cast(DatasetConfig, OmegaConf.to_object(config.dataset))
    if dataset.download:
        download(dataset)
    faults, notes = check_dataset(dataset)
    print("\n".join([*faults, *notes]))
    if faults:
        raise InputError(f"Faults in {dataset.root}: {len(faults)}.")


def _sweep() -> list[str] | None:
    """The settings that name this job in a sweep, None outside of one."""
    hydra_config = HydraConfig.get()
    return naming(list(hydra_config.overrides.task)) if hydra_config.mode == RunMode.MULTIRUN else None


def _sentence(error: Exception) -> str:
    """What is wrong, on one line: of Hydra's errors also the cause, without the tail about types."""
    if isinstance(error, InputError):
        return str(error)
    texts = [str(part).partition("\n    full_key:")[0] for part in (error, error.__cause__) if part]
    return ": ".join(" ".join(text.split()) for text in texts)


def _prepare_environment() -> None:
    """What JAX and Hydra read when they start; a variable that the user has set stays as it is."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    keep_programs(f"{home}/inr_deblur/jax")
    defaults = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # several jobs can share a GPU
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come here instead of being printed
    for noisy in ("jax", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", "The version_base parameter is deprecated")  # in Hydra 1.4; 1.3 needs it
    warnings.filterwarnings("ignore", "A worker stopped while some jobs")  # joblib renews those that have grown


if __name__ == "__main__":
    sys.exit(main())
