"""What a fit can be told: typed, frozen, every field with a default that suits most pictures.

A `DeblurConfig` together with a picture determines the result; nothing else does (see `pipeline.deblur`).
"""

import difflib
from dataclasses import dataclass, field

from inr_deblur.errors import InputError

IMAGE_GENERATORS = ("auto", "harmonic", "siren", "pixels")
KERNEL_GENERATORS = ("siren", "grid")
CROSS_SCALE_FORMS = ("mirror", "exact", "unmirrored")
SMALLEST_KERNEL, LARGEST_KERNEL = 3, 121


@dataclass(frozen=True)
class GeneratorConfig:
    """Which networks stand for the latent image and for the kernel."""

    image: str = "auto"  # auto (harmonic), harmonic, siren, or pixels (a control)
    kernel: str = "siren"  # siren, or grid (a control: one free number an entry)

    @property
    def image_chosen(self) -> str:
        """The image network's name. auto: harmonic, which reaches what the SIREN does with much less arithmetic."""
        return "harmonic" if self.image == "auto" else self.image


@dataclass(frozen=True)
class KernelConfig:
    """What is known of the kernel beforehand."""

    size: int | str = "auto"  # upper bound of the kernel's side in pixels, 3 to 121, or auto; half the picture at most


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses, relative to the defaults that the noise level sets."""

    cross_scale: float = 0.0  # weight of the cross-scale consistency loss, 0 switches it off
    cross_scale_form: str = "mirror"  # mirror, or as controls exact (a second data term), unmirrored
    prior: float = 1.0  # factor on the weight of the image priors
    variational: bool = True  # false: every stage counts edges instead
    edges: bool = True  # false: the last stage does not count edges, but goes on like those before
    alternation: bool = True  # false: the kernel of the last stage is final
    patches: bool = True  # false: a harmonic image that is restored is not made likelier by its own patches


@dataclass(frozen=True)
class ScheduleConfig:
    """How much work is done: which scales, how many steps, how many starts."""

    scales: int = 0  # of the pyramid, at most those that the picture has room for, 0: from the kernel's size
    steps: float = 1.0  # factor on the number of steps of every stage
    starts: int = 0  # at the coarsest scale, 0: 9, in doubt more; with 1 or 2 tell kernel.size, too


@dataclass(frozen=True)
class DeblurConfig:
    """Everything that determines a fit besides the picture."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    kernel: KernelConfig = field(default_factory=KernelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    seed: int = 0  # of the networks' first parameters, and of the noise in an ensemble
    ensemble: int = 1  # fits, 1 to 64: above 1 their mean is the result, and their spread its uncertainty


def one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise InputError, with the near match if there is one, unless `value` is one of `allowed`."""
    if value not in allowed:
        near = difflib.get_close_matches(str(value), allowed, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise InputError(f"{what}={value} is not known{hint}: choose one of {', '.join(allowed)}.")


def check(config: DeblurConfig) -> None:
    """Raise InputError for the first field out of its range."""
    one_of("generator.image", config.generator.image, IMAGE_GENERATORS)
    one_of("generator.kernel", config.generator.kernel, KERNEL_GENERATORS)
    one_of("loss.cross_scale_form", config.loss.cross_scale_form, CROSS_SCALE_FORMS)
    size = config.kernel.size
    if size != "auto" and (isinstance(size, str) or not SMALLEST_KERNEL <= size <= LARGEST_KERNEL):
        raise InputError(
            f"kernel.size={size} is out of range: give {SMALLEST_KERNEL} to {LARGEST_KERNEL} pixels, or auto."
        )
    for name, value, low, high in (
        ("loss.cross_scale", config.loss.cross_scale, 0, 10),
        ("loss.prior", config.loss.prior, 1e-6, 100),
        ("schedule.scales", config.schedule.scales, 0, 7),
        ("schedule.steps", config.schedule.steps, 0.001, 100),
        ("schedule.starts", config.schedule.starts, 0, 64),
        ("seed", config.seed, 0, 2**32 - 1),
        ("ensemble", config.ensemble, 1, 64),
    ):
        if not low <= value <= high:
            raise InputError(f"{name}={value} is out of range: give {low} to {high}.")
