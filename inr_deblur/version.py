"""Which code made a result."""

import hashlib
from functools import cache
from pathlib import Path

from inr_deblur import __version__


@cache
def code_version(package: Path = Path(__file__).parent) -> str:
    """The version and a digest of the package's modules, which tells changes of one version apart."""
    digest = hashlib.sha256()
    for path in sorted(package.glob("*.py")):
        digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:8]}"
