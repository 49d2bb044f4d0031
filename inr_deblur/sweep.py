"""A sweep: which jobs there are, what became of each, and what of the machine each may take.

A job is one picture under one setting, in a folder of its own, so that any launcher can run the jobs in any order, a
sweep that was stopped loses no more than the pictures it was at, and a repeated one skips what is finished. The folder
of the sweep holds `sweep.json`, which names the jobs before the first one starts; the folder of a job that failed holds
`failed.json` with the reason, since launchers' own records can't be trusted (hydra issue 1928).
"""

import contextlib
import json
import os
import shutil
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from inr_deblur.arguments import PATHS, list_options, quoted
from inr_deblur.cores import cores
from inr_deblur.datasets import Sample, chunks, find_samples
from inr_deblur.errors import InputError
from inr_deblur.files import expanded, write_bytes_whole
from inr_deblur.run_config import DatasetConfig, RunConfig, conf_folder
from inr_deblur.run_folder import FAILED, MANIFEST, METRICS, UNFINISHED, run_folder

NOT_IN_NAMES = (*PATHS, "overwrite", "progress", "dataset")  # settings that don't name a job's folder


class Plan(NamedTuple):
    """A sweep before it starts."""

    arguments: list[str]  # for Hydra, with the folder and the pictures of the data set spelt out
    out: Path  # the folder that the jobs' folders lie in
    folders: list[Path]  # one a job


def plan(arguments: list[str]) -> Plan | None:
    """The sweep that the arguments, as `prepare` gives them, ask for; None if it is not one.

    The pictures of a data set become values to sweep over, `dataset.chunk` of them a job. Raises InputError for a data
    set that can't be used, and for a setting of any job that no picture can be restored with.
    """
    given = get_args_parser().parse_args(arguments)
    if not given.multirun:
        return None
    if given.cfg or given.info or given.run:
        raise InputError("-m does not go with --cfg, --info and --run: leave one of them out.")
    search = [f"hydra.searchpath=[file://{Path(given.config_dir).absolute()}]"] if given.config_dir else []
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        parser = OverridesParser.create(GlobalHydra.instance().config_loader())
        overrides = parser.parse_overrides(given.overrides)
        _refuse_several(overrides)
        overrides = [o for o in overrides if o.key_or_group not in ("dataset.category", "dataset.picture")]
        fixed = [str(o.input_line) for o in overrides if not o.is_sweep_override()]
        chosen = [f"{key}='{value}'" for key, value in _choice(parser.parse_overrides(given.overrides)).items()]
        try:
            config = compose("config", [*search, *fixed, *chosen], return_hydra_config=True)
        except MissingConfigException as error:
            if "hydra/launcher" not in str(error):
                raise
            raise InputError(
                "There is no such launcher, or it is not installed: choose one of cores, local_queue, slurm, "
                'and pip install "inr_deblur[launchers]", or ray, and pip install "inr_deblur[ray]".'
            ) from error
        params = config.hydra.sweeper.get("params") or {}
        overrides = parser.parse_overrides([f"{key}={value}" for key, value in params.items()]) + overrides
        settings = BasicSweeper.split_arguments(overrides, None)[0]
        _check_jobs(settings, search, parser)
    if config.hydra.launcher._target_.endswith("SlurmLauncher") and not shutil.which("srun"):
        raise InputError(
            "There is no SLURM on this machine: start the sweep where srun is, or choose another launcher."
        )
    _leave_room(config.hydra.launcher)
    out = expanded(config.out or "outputs")
    flags = arguments[: len(arguments) - len(given.overrides)]
    arguments = [*flags, f"hydra.sweep.dir={quoted(str(out))}", *given.overrides]
    if not config.dataset.name:
        folders = [run_folder(_value(job, "image"), str(out), naming(job)) for job in settings]
        _refuse_shared(folders)
        return Plan(arguments, out, folders)
    samples = find_samples(cast(DatasetConfig, OmegaConf.to_object(config.dataset)))
    folders = [sample_folder(config.dataset.name, s, str(out), naming(job)) for job in settings for s in samples]
    replaced = [a for a in arguments if not a.startswith(("dataset.category=", "dataset.picture="))]
    axis = ",".join(f"'{names}'" for names in chunks(samples, config.dataset.chunk))
    return Plan([*replaced, f"dataset.picture={axis}"], out, folders)


def _refuse_several(overrides: Sequence[Override]) -> None:
    """Raise InputError for several data sets or folders of results."""
    for override in overrides:
        key = override.key_or_group
        one = key == "out" or key.startswith("dataset") and key not in ("dataset.category", "dataset.picture")
        if one and override.is_sweep_override():
            raise InputError(f"{override.input_line}: a sweep goes over one data set into one folder, give {key} once.")


def _refuse_shared(folders: Sequence[Path]) -> None:
    """Raise InputError for a folder that two jobs would write to."""
    shared = [folder for folder, count in Counter(folders).items() if count > 1]
    if shared:
        raise InputError(
            f"{shared[0]} would be the folder of several of these jobs: give the pictures different names, or run the "
            "jobs one by one, each with an out= of its own."
        )


def _check_jobs(settings: Sequence[Sequence[str]], search: list[str], parser: OverridesParser) -> None:
    """Raise InputError or OmegaConf's error for a setting of any job that no picture can be restored with.

    Hydra composes a configuration in a tenth of a second; here it does so once for all jobs of the same groups.
    """
    from inr_deblur.job import check_settings

    options = {option.name for option in list_options(RunConfig)}
    composed: dict[tuple[str, ...], DictConfig] = {}
    for job in dict.fromkeys(tuple(s for s in job if not s.startswith("image=")) for job in settings):
        groups = tuple(s for s in job if s.partition("=")[0] not in options)
        if groups not in composed:
            composed[groups] = compose("config", [*search, *groups])
        config = composed[groups].copy()
        config.image = ""
        for override in parser.parse_overrides([s for s in job if s not in groups]):
            try:
                OmegaConf.update(config, override.key_or_group, override.value())
            except OmegaConfBaseException as error:
                raise ConfigCompositionException(f"Error merging override {override.input_line}") from error
        check_settings(cast(RunConfig, OmegaConf.to_object(config)))


def _choice(overrides: Sequence[Override]) -> dict[str, str]:
    """Categories and pictures that are asked for, with commas between them."""
    return {
        override.key_or_group: ",".join(_unquoted(text.partition("=")[2]) for text in _strings(override))
        for override in overrides
        if override.key_or_group in ("dataset.category", "dataset.picture")
    }


def _strings(override: Override) -> Iterator[str]:
    if override.is_sweep_override():
        yield from (f"={value}" for value in override.sweep_string_iterator())
    else:
        yield f"={override.get_value_element_as_str()}"


def _value(job: Sequence[str], key: str) -> str:
    return next((_unquoted(text.partition("=")[2]) for text in job if text.startswith(f"{key}=")), "")


def _unquoted(text: str) -> str:
    """A string of Hydra's grammar as it is meant."""
    return text[1:-1].replace(r"\'", "'") if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def naming(settings: Sequence[str]) -> list[str]:
    """Those of a job's key=value settings that name its folder."""
    given = (setting.lstrip("+") for setting in settings)
    return [s for s in given if s.partition("=")[0] not in NOT_IN_NAMES and not s.startswith(("dataset.", "hydra"))]


def sample_folder(dataset: str, sample: Sample, out: str | None, settings: list[str] | None) -> Path:
    """Where the results of a data set's picture go."""
    name = f"{dataset}/{sample.name}"
    return run_folder(str(sample.blurry), out or (None if settings is not None else f"outputs/{name}"), settings, name)


def _leave_room(launcher: DictConfig) -> None:
    """Tell the jobs, which inherit the environment, how many threads are theirs if they run side by side.

    NPROC is what XLA takes for the number of cores. A number that the user has set stays.
    """
    threads = launcher.get("cpus_per_task")
    if "ray" in launcher:
        threads = max(1, int(launcher.ray.get("remote", {}).get("num_cpus", 1)))  # Ray starts as many as have room
    if "n_jobs" in launcher:
        at_once = launcher.n_jobs if launcher.n_jobs > 0 else max(1, cores() + 1 + launcher.n_jobs)
        threads = max(1, cores() // at_once)
    for name in ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS") if threads else ():
        os.environ.setdefault(name, str(threads))


def jobs(config: DictConfig, settings: list[str] | None) -> list[tuple[RunConfig, Path]]:
    """What a job of Hydra's is to restore: the settings of each picture, and the folder of its results.

    settings: those that name the folder in a sweep, None outside of one. Raises InputError without a picture.
    """
    if config.dataset.name:
        return list(_dataset_jobs(config, settings))
    if OmegaConf.is_missing(config, "image"):
        raise InputError("No picture is given: write image=PATH, or --help for all settings.")
    run = cast(RunConfig, OmegaConf.to_object(config))
    return [(run, run_folder(run.image, run.out, settings))]


def _dataset_jobs(config: DictConfig, settings: list[str] | None) -> Iterator[tuple[RunConfig, Path]]:
    if not OmegaConf.is_missing(config, "image"):
        raise InputError("image and dataset are both given: leave one of them out.")
    config = config.copy()
    config.image = ""
    run = cast(RunConfig, OmegaConf.to_object(config))
    samples = find_samples(run.dataset)
    if settings is None and len(samples) > 1:
        raise InputError(f"The data set has {len(samples)} such pictures: sweep over them with -m.")
    for sample in samples:
        truth = str(sample.kernel) if sample.kernel else None
        known = truth or f"{run.dataset.root}/kernels/{sample.name}.npy"  # where it is missed
        kernel = replace(run.kernel, file=known if run.dataset.known else run.kernel.file, truth=truth)
        dataset = replace(run.dataset, picture=sample.name, category=sample.category)
        files = {"image": str(sample.blurry), "truth": str(sample.sharp) if sample.sharp else None}
        yield (
            replace(run, **files, kernel=kernel, dataset=dataset),
            sample_folder(run.dataset.name or "", sample, run.out, settings),
        )


def announce(sweep: Plan) -> None:
    """Write down which jobs there are, with those of earlier sweeps into the folder."""
    earlier: set[str] = set()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        earlier = set(json.loads((sweep.out / MANIFEST).read_text(encoding="utf-8"))["jobs"])
    named = sorted(earlier | {folder.relative_to(sweep.out).as_posix() for folder in sweep.folders})
    sweep.out.mkdir(parents=True, exist_ok=True)
    write_bytes_whole(sweep.out / MANIFEST, json.dumps({"jobs": named}, indent=1).encode())


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Nobody else runs the job of this folder during the block; whoever does is waited for.

    Killing the program that launched a sweep need not end its jobs, and a repeated one must not run them beside those.
    The lock is the kernel's, so that it goes with its process; where the file system has none, none is taken. What a
    killed job left behind is removed.
    """
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    handle = None
    try:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            handle = os.open(folder, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
            for left in folder.glob(f"{UNFINISHED}*"):
                shutil.rmtree(left)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def record_failure(folder: Path, run: RunConfig, error: Exception) -> str:
    """Write why a job failed into its folder; returns it as one sentence."""
    sentence = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    content: dict[str, Any] = {
        "reason": " ".join(sentence.split()),
        "failed": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": asdict(run),
        "traceback": "" if isinstance(error, InputError) else "".join(traceback.format_exception(error)),
    }
    with contextlib.suppress(InputError, OSError):  # a folder that can't be written to: the end of the sweep says so
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes_whole(folder / FAILED, json.dumps(content, indent=1).encode())
    return content["reason"]


def forget_failure(folder: Path) -> None:
    """The job is finished after all."""
    (folder / FAILED).unlink(missing_ok=True)


def unfinished(sweep: Plan) -> list[Path]:
    """The folders of the jobs that failed or left nothing."""
    return [f for f in sweep.folders if (f / FAILED).exists() or not (f / METRICS).exists()]
