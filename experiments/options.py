"""The command line of an experiment: `key=value` pairs that fill a dataclass, and one sentence for what is wrong."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from fnmatch import fnmatch
from typing import Any, TypeVar, get_args

from omegaconf import MISSING

from inr_deblur.arguments import list_options
from inr_deblur.config import one_of
from inr_deblur.errors import InputError

Schema = TypeVar("Schema")
MOST_SHOWN = 24  # names, to choose from
KINDS = {int: "a whole number", float: "a number", bool: "true or false"}


def matched(what: str, globs: str, names: Iterable[str]) -> list[str]:
    """The names that one of the globs matches, which have commas between them; in their order, each once.

    Raises InputError, in which `what` names the option, for a glob without a match.
    """
    names, patterns = list(dict.fromkeys(names)), globs.split(",")
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in names):
            some = ", ".join(names[:MOST_SHOWN]) + ", ..." * (len(names) > MOST_SHOWN)
            raise InputError(f"{what}={pattern} matches none of: {some}.")
    return [name for name in names if any(fnmatch(name, pattern) for pattern in patterns)]


def parse(arguments: Sequence[str], schema: type[Schema]) -> Schema:
    """The dataclass that `key=value` arguments describe; nested fields by their dotted names (`kernel.size=31`).

    Raises InputError for an argument of another form, an unknown key (with the near match), a value of the wrong type
    and a key that is missing.
    """
    names = tuple(option.name for option in list_options(schema))
    given = {}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if not equals:
            raise InputError(f"{argument!r} is not of the form key=value; the keys are {', '.join(names)}.")
        one_of("key", key, names)
        given[key] = text
    return _filled(schema, given)


def _filled(schema: Any, given: Mapping[str, str], prefix: str = "") -> Any:
    """An instance of the dataclass with the given values and its defaults for the rest."""
    parts = {}
    for part in fields(schema):
        key = prefix + part.name
        if is_dataclass(part.type):
            parts[part.name] = _filled(part.type, given, f"{key}.")
        elif key in given:
            parts[part.name] = _converted(key, given[key], get_args(part.type) or (part.type,))
        elif part.default == MISSING:
            raise InputError(f"{key} is missing: give {key}=...")
    return schema(**parts)


def _converted(key: str, text: str, kinds: Sequence[Any]) -> Any:
    """The text as the first of the types that takes it."""
    for kind in kinds:
        try:
            return {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
        except (ValueError, KeyError):
            continue
    raise InputError(f"{key}={text} is not {' or '.join(KINDS[kind] for kind in kinds)}.")


def usage(schema: type, about: str | None) -> str:
    """What `--help` prints: the script's own words, then one line a setting."""
    lines = [
        (f"{name}={'...' if default == MISSING else default}", words) for name, default, words in list_options(schema)
    ]
    return "\n".join([(about or "").strip(), "", *(f"  {left:28} {right}" for left, right in lines)])


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
