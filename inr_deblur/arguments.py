"""The command line before Hydra reads it: one sentence for what is misspelt, shorthands, and the help page."""

import difflib
import inspect
import json
import os
import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import NamedTuple

from hydra._internal.utils import get_args_parser
from omegaconf import MISSING

from inr_deblur.config import one_of
from inr_deblur.errors import InputError
from inr_deblur.run_config import RunConfig, conf_folder

PATHS = ("image", "truth", "out", "kernel.file", "kernel.truth", "dataset.root", "tensorboard")
HELP = """\
Sharpen a blurry picture:

    python -m inr_deblur.run image=PATH [key=value ...]

Settings, with their defaults:

{}

Groups, each setting several at once:

{}

More:

  --cfg job                 print the settings of a run instead of running
  -m key=value,value ...    run every combination of the values, each into its own folder (docs/sweeps.md)
  -m dataset=NAME dataset.root=PATH ...
                            the same on every picture of a data set (docs/datasets.md)
  --hydra-help              what else Hydra can do

python -m inr_deblur.collect DIR makes tables and figures of the results."""


class Option(NamedTuple):
    """One setting: its dotted name, its default and its meaning."""

    name: str
    default: object
    meaning: str


def prepare(argv: list[str]) -> list[str]:
    """The arguments as Hydra takes them: flags first, `kernel=PATH` in full, paths quoted.

    Raises InputError for an option that does not exist, with the near match if there is one.
    """
    known, others = get_args_parser().parse_known_args(argv)
    settings = [*known.overrides, *(a for a in others if not a.startswith("-"))]
    for flag in others:
        if flag.startswith("-"):
            raise InputError(f"The flag {flag} is not known: --help lists what there is.")
    groups = _groups(conf_folder(), *([Path(known.config_dir)] if known.config_dir else []))
    return [a for a in argv if a not in settings] + [_checked(a, groups, known.multirun) for a in settings]


def _checked(argument: str, groups: dict[str, list[str]], multirun: bool) -> str:
    """One key=value as Hydra takes it."""
    if argument.startswith(("hydra.", "hydra/", "+hydra", "~")):
        return argument
    name, equals, value = argument.partition("=")
    if not equals:
        raise InputError(f"{argument!r} is not of the form key=value: did you mean image={argument}?")
    key = name.lstrip("+").partition("@")[0]
    if key in groups:
        for choice in value.split(",") if value != "null" else []:
            one_of(key, choice, tuple(groups[key]))
        return argument
    if key == "kernel":
        key = name = "kernel.file"
    options = [option.name for option in list_options(RunConfig)]
    if key not in options:
        near = _near(key, [*options, *groups, "kernel"])
        raise InputError(f"unknown option {key}{near}")
    if key == "region" and value != "null":
        return f"{name}={quoted(value)}"
    if key in PATHS and value not in ("null", "") and not (multirun and not os.path.exists(value)):
        return f"{name}={quoted(value)}"
    return f"{name}={value}"


def _near(key: str, names: list[str]) -> str:
    """The ending of a sentence that says what `key` may have meant."""
    alike = [name for name in names if name.rpartition(".")[2] == key.rpartition(".")[2]]
    alike = alike or difflib.get_close_matches(key, names, n=1)
    return f": did you mean {alike[0]}?" if alike else ", --help lists what there is."


def quoted(value: str) -> str:
    """A path for Hydra's grammar, in which spaces, commas, brackets and equals signs have a meaning."""
    if value[:1] in ("'", '"'):
        return value
    return "'" + value.replace("'", r"\'") + "'"


def list_options(schema: type, prefix: str = "") -> list[Option]:
    """Every setting of a dataclass, nested ones by their dotted names, its own before those it inherits."""
    meanings: dict[str, str] = {}
    for cls in schema.__mro__[-2::-1]:
        meanings |= dict(re.findall(r"^    (\w+): [^#\n]+# (.+)$", inspect.getsource(cls), re.MULTILINE))
    inherited = {part.name for base in schema.__bases__ if is_dataclass(base) for part in fields(base)}
    options = []
    for part in sorted(fields(schema), key=lambda part: part.name in inherited):
        if isinstance(part.type, type) and is_dataclass(part.type):
            options += list_options(part.type, f"{prefix}{part.name}.")
        else:
            options.append(Option(prefix + part.name, part.default, meanings.get(part.name, "")))
    return options


def _groups(*folders: Path) -> dict[str, list[str]]:
    """The configuration groups in the folders, with their choices."""
    groups: dict[str, set[str]] = {}
    for folder in folders:
        for file in folder.glob("*/*.yaml"):
            groups.setdefault(file.parent.name, set()).add(file.stem)
    return {name: sorted(choices) for name, choices in sorted(groups.items()) if name != "hydra"}


def help_page() -> str:
    """What `--help` prints: one line a setting."""
    settings = [(f"{name}={_shown(default)}", meaning) for name, default, meaning in list_options(RunConfig)]
    groups = [(f"{name}=", ", ".join(choices)) for name, choices in _groups(conf_folder()).items()]
    launchers = ", ".join([*_groups(conf_folder() / "hydra")["launcher"], "ray"])  # ray's settings are its plugin's
    groups.append(("hydra/launcher=", f"{launchers}: what runs the jobs of -m"))
    table = ("\n".join(f"  {left:28} {right}" for left, right in rows) for rows in (settings, groups))
    return HELP.format(*table)


def _shown(default: object) -> str:
    """A default as it is written on the command line."""
    return "PATH" if default == MISSING else json.dumps(default).strip('"')
