"""What `python -m inr_deblur.run` can be told: the schema that Hydra checks, and where its files lie.

`RunConfig` is a `DeblurConfig` with files in and out. A field's default stands in `config.py` or here, its meaning in
the comment on its own line, which the help page shows; `conf/` holds what sets several fields at once.
"""

from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from inr_deblur.config import DeblurConfig, KernelConfig


@dataclass(frozen=True)
class KernelChoice(KernelConfig):
    """A kernel to find, or one that is known."""

    file: str | None = None  # a known kernel (.npy, .png, .tiff) to restore with; kernel=PATH for short
    truth: str | None = None  # the true kernel, when there is one: adds the similarity of the one that is found


@dataclass(frozen=True)
class DatasetConfig:
    """A folder of pictures to sweep over, instead of one picture; dataset=NAME chooses its layout."""

    name: str | None = None  # how its folder is laid out: lai, levin, kohler or folder; dataset=NAME for short
    root: str | None = None  # folder of the data set
    category: str = "*"  # which of its categories, with commas between them
    picture: str = "*"  # which of its pictures: names, with * and ?, and with commas between them
    known: bool = False  # restore with the true kernels instead of seeking them
    chunk: int = 1  # pictures a job of a sweep: more where starting a job takes long
    check: bool = False  # only say what is missing or altered in the folder
    download: bool = False  # only fetch dataset.source into dataset.root, and check it
    source: str | None = None  # URL of an archive (.zip, .tar.gz) that is laid out like the folder
    sha256: str | None = None  # checksum of that archive


@dataclass(frozen=True)
class RunConfig(DeblurConfig):
    """One run: the picture, its fit, and where the results go."""

    image: str = MISSING  # the blurry picture; or a folder, or a pattern in quotes: each into a folder of its own
    truth: str | None = None  # its sharp original, when there is one: adds aligned PSNR and SSIM
    out: str | None = None  # folder of the results, outputs/<name of the picture> unless given
    method: str = "networks"  # networks, polyblur (mild blur, at once), or with a kernel: wiener, richardson_lucy
    light: str = "auto"  # how stored values stand for light: srgb, linear, gamma:G, or auto (used as they are)
    region: str | None = None  # y,x,h,w: the part of the picture, in pixels, on which its kernel is sought
    overwrite: bool = False  # run again, and replace the results that the folder holds already
    progress: str = "auto"  # bar, log (a line now and then), none (silent), or auto: a bar on a terminal
    tensorboard: str | None = None  # folder that TensorBoard follows the run in, an extra
    kernel: KernelChoice = field(default_factory=KernelChoice)
    dataset: DatasetConfig = field(default_factory=DatasetConfig)


def deblur_config(settings: RunConfig) -> DeblurConfig:
    """The part of the settings that determines the fit."""
    parts: dict[str, Any] = {part.name: getattr(settings, part.name) for part in fields(DeblurConfig)}
    parts["kernel"] = KernelConfig(settings.kernel.size)
    return DeblurConfig(**parts)


def conf_folder() -> Path:
    """The folder of the configuration files: inside the package in a wheel, beside the package in a clone."""
    installed = Path(__file__).with_name("conf")
    return installed if installed.is_dir() else installed.parents[1] / "conf"


@cache  # Hydra 1.4 warns of a second time
def register() -> None:
    """Give Hydra the schema that `conf/config.yaml` starts from."""
    ConfigStore.instance().store("schema", _writable(OmegaConf.structured(RunConfig)))


def _writable(node: DictConfig) -> DictConfig:
    """The node without the read-only flags of its frozen dataclasses, which would refuse every override."""
    OmegaConf.set_readonly(node, None)
    for key in node:
        if not OmegaConf.is_missing(node, key) and isinstance(node[key], DictConfig):
            _writable(node[key])
    return node
