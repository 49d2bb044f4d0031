"""The command line before Hydra reads it: what arrives there, and the pages that explain it."""

from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from inr_deblur import arguments
from inr_deblur.run import main
from inr_deblur.run_config import RunConfig


@given(st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1))
def test_any_path_arrives_as_it_was_typed(path):
    if path[0] in "'\"" or path == "null" or "\\" in path:
        return
    [prepared] = arguments.prepare([f"image={path}"])
    assert OverridesParser.create().parse_override(prepared).value() == path


def test_help_has_a_line_for_every_setting(capsys):
    assert main(["--help"]) == 0
    page = capsys.readouterr().out
    for option in arguments.list_options(RunConfig):
        assert option.meaning, f"{option.name} needs a comment that says what it means"
        assert f"\n  {option.name}=" in page
    assert "fast" in page and "siren" in page and "inr_deblur.collect DIR" in page
    assert max(map(len, page.splitlines())) <= 120


def test_cfg_job_prints_the_settings(capsys):
    assert main(["--cfg", "job", "preset=fast", "kernel.size=31"]) == 0
    assert "size: 31" in capsys.readouterr().out
