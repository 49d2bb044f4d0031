"""The command line of an experiment: `key=value` pairs that fill a dataclass, and one sentence for what is wrong."""

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from inr_deblur.arguments import list_options
from inr_deblur.config import one_of
from inr_deblur.errors import InputError

Schema = TypeVar("Schema")


def parse(arguments: Sequence[str], schema: type[Schema]) -> Schema:
    """The dataclass that `key=value` arguments describe; nested fields by their dotted names (`kernel.size=31`).

    Raises InputError for an argument of another form, an unknown key (with the near match), a value of the wrong type
    and a key that is missing.
    """
    names = tuple(option.name for option in list_options(schema))
    settings = OmegaConf.structured(schema)
    given = DictConfig({})
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if not equals:
            raise InputError(f"{argument!r} is not of the form key=value; the keys are {', '.join(names)}.")
        one_of("key", key, names)
        OmegaConf.update(given, key, int(text) if text.isdecimal() else text)
    try:
        return OmegaConf.to_object(OmegaConf.merge(settings, given))  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise InputError(f"{str(error).splitlines()[0]} (key {error.full_key}).") from error


def usage(schema: type, about: str | None) -> str:
    """What `--help` prints: the script's own words, then one line a setting."""
    options = [
        (f"{name}={'...' if default == '???' else default}", meaning) for name, default, meaning in list_options(schema)
    ]
    return "\n".join([(about or "").strip(), "", *(f"  {left:28} {right}" for left, right in options)])


def run_script(main: Callable[[Schema], int], schema: type[Schema], about: str | None) -> None:
    """Run an experiment from the command line: its exit code, or 1 after the sentence that says what was wrong."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(usage(schema, about))
        return
    try:
        code = main(parse(sys.argv[1:], schema))
    except InputError as error:
        print(error, file=sys.stderr)
        code = 1
    sys.exit(code)
