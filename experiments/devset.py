"""Makes the development set: 210 blurry pictures whose sharp truth and kernel are known, from free pictures alone.

    python experiments/devset.py out=devset [count=210] [seed=0]

Every kind of kernel meets every kind of picture at every noise level; camera shake, which matters most, twice by each
of two models. Sizes, crops, orientations and colour are dealt from shuffled decks. Nothing is downloaded: the pictures
come with scikit-image, scikit-learn, PyWavelets and matplotlib, and the pages of text are set here. Same versions and
seed, same bytes.

The folder holds blurry/NAME.png, sharp/NAME.png (the same frame), kernels/NAME.npy and manifest.csv. Each blurry
picture is the valid part of a true convolution, so that its border is honest, with Gaussian noise, clipped and rounded
to 8 bit.
"""

import csv
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from options import run_script

from inr_deblur.simulate import blur, disk_kernel, gaussian_kernel, line_kernel, random_shake_kernel, seen

Picture = np.ndarray  # (H, W, 3) in [0, 1]
Draw = np.random.Generator

NOISE = (0.0, 0.0025, 0.005, 0.01, 0.02, 0.03)
SHAKE_SIZES = (7, 9, 11, 13, 15, 17, 18, 19, 21, 23, 25, 27, 29, 31, 35, 41, 45, 51, 61, 75, 101)
LINE_SIZES, LENS_SIZES = (7, 9, 12, 15, 19, 23, 29, 35, 45), (7, 8, 9, 11, 13, 15, 17)
SIDE, LARGE_SIDE = 255, 400  # of the pictures
FRAMES = ((SIDE, 1),) * 7 + ((SIDE, 3), (LARGE_SIDE, 1), (LARGE_SIDE, 3))  # side and channels
LARGE_KERNEL = 51  # from here on the larger side
QUICK = {"impulsive": 8, "smooth": 8, "line": 4, "disk": 2, "gaussian": 2}  # pairs of the quick subset


@dataclass(frozen=True)
class Recipe:
    """How one pair is made: a line of the manifest."""

    name: str
    quick: bool  # in the quick subset
    texture: str  # kind of picture
    source: str
    family: str  # kind of kernel
    size: int  # side of the kernel, pixels
    noise: float  # standard deviation
    side: int  # of the picture, pixels
    channels: int
    seed: int


@dataclass(frozen=True)
class Options:
    """What the command line may say."""

    out: str = "devset"  # folder to make
    count: int = 210  # pairs
    seed: int = 0  # of the deal


FAMILIES: dict[str, tuple[tuple[int, ...], Callable[[int, int], np.ndarray]]] = {
    "impulsive": (SHAKE_SIZES, lambda size, seed: random_shake_kernel(size, seed, "impulsive")),
    "smooth": (SHAKE_SIZES, lambda size, seed: random_shake_kernel(size, seed, "smooth")),
    "line": (LINE_SIZES, lambda size, seed: line_kernel(size, seed * 37 % 180)),
    "disk": (LENS_SIZES, lambda size, seed: disk_kernel(size)),
    "gaussian": (LENS_SIZES, lambda size, seed: gaussian_kernel(size)),
}
DECK = ("impulsive", "smooth", "line", "disk", "gaussian", "impulsive", "smooth")


def scikit_picture(name: str) -> Picture:
    """A picture that scikit-image ships."""
    from skimage import data

    found = data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)()
    return in_colour(found)


def wavelet_picture(name: str) -> Picture:
    """A picture that PyWavelets ships."""
    import pywt.data

    return in_colour(getattr(pywt.data, name)())


def learning_picture(name: str) -> Picture:
    """A picture that scikit-learn ships."""
    from sklearn.datasets import load_sample_image

    return in_colour(load_sample_image(f"{name}.jpg"))


def matplotlib_picture(name: str) -> Picture:
    """A picture that matplotlib ships."""
    from matplotlib import cbook

    return in_colour(iio.imread(cbook.get_sample_data(f"{name}.jpg", asfileobj=False)))


def in_colour(picture: np.ndarray) -> Picture:
    """8 bit, grey or colour, to (H, W, 3) in [0, 1]."""
    colour = np.repeat(picture[..., None], 3, -1) if picture.ndim == 2 else picture[..., :3]
    return colour / 255


def page(font: str) -> Picture:
    """A page of words in one of matplotlib's fonts, lines of several heights, on paper that is not quite white."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    draw = np.random.default_rng(len(font))
    words = ["".join(draw.choice(list("eeeettaaooiinnsshhrrdlucmfwygpbvk"), n)) for n in draw.integers(1, 10, 300)]
    sheet = Image.new("L", (640, 640), int(draw.integers(215, 256)))
    pen, top = ImageDraw.Draw(sheet), 12
    while top < 640:
        height = int(draw.choice([13, 16, 20, 28]))
        face = ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf", height)
        pen.text((10, top), " ".join(draw.choice(words, 20)), fill=int(draw.integers(0, 60)), font=face)
        top += round(1.4 * height)
    return in_colour(np.asarray(sheet))


TEXTURES: dict[str, tuple[tuple[Callable[[str], Picture], str], ...]] = {
    "people": ((scikit_picture, "astronaut"), (matplotlib_picture, "grace_hopper")),
    "manmade": (
        (scikit_picture, "camera"),
        (wavelet_picture, "ascent"),
        (learning_picture, "china"),
        (scikit_picture, "motorcycle"),
    ),
    "natural": (
        (learning_picture, "flower"),
        (scikit_picture, "coffee"),
        (scikit_picture, "hubble_deep_field"),
        (scikit_picture, "chelsea"),
        (wavelet_picture, "aero"),
    ),
    "texture": ((scikit_picture, "brick"), (scikit_picture, "gravel"), (scikit_picture, "grass")),
    "text": ((page, "DejaVuSans"), (page, "DejaVuSerif"), (page, "DejaVuSansMono"), (page, "STIXGeneral")),
}


@cache
def source_picture(texture: str, source: str) -> Picture:
    """The whole sharp picture of that name."""
    return next(load(name) for load, name in TEXTURES[texture] if name == source)


def plan(count: int, seed: int) -> list[Recipe]:
    """The first `count` recipes of the deal."""
    draw = np.random.default_rng(seed)
    cells = list(itertools.product(DECK, TEXTURES, NOISE))
    cells = [cells[i] for i in draw.permutation(len(cells))]
    sizes = {family: deal(choices, draw) for family, (choices, _) in FAMILIES.items()}
    sources = {texture: deal([name for _, name in choices], draw) for texture, choices in TEXTURES.items()}
    frames = deal(FRAMES, draw)
    recipes = []
    for number, (family, texture, noise) in enumerate(itertools.islice(itertools.cycle(cells), count)):
        size, (side, channels) = next(sizes[family]), next(frames)
        side = LARGE_SIDE if size >= LARGE_KERNEL else side
        fitting = (s for s in sources[texture] if min(source_picture(texture, s).shape[:2]) >= side + size - 1)
        name = f"{number:03d}_{texture}_{family}_k{size:03d}_n{round(1e4 * noise):03d}"
        recipe = Recipe(name, False, texture, next(fitting), family, size, noise, side, channels, seed + number)
        recipes.append(recipe)
    chosen = quick_names(recipes)
    return [replace(recipe, quick=recipe.name in chosen) for recipe in recipes]


def deal(cards: Sequence, draw: Draw) -> Iterator:
    """The cards in random order, again and again, each once before any comes again."""
    while True:
        yield from (cards[i] for i in draw.permutation(len(cards)))


def quick_names(recipes: list[Recipe]) -> set[str]:
    """A few pairs of each family, spread over the kinds of pictures and the noise levels."""
    counts, chosen = Counter(), set()
    for family, number in QUICK.items():
        for _ in range(number):
            rest = [r for r in recipes if r.family == family and r.name not in chosen]
            rest = [r for r in rest if r.side == SIDE or r.size >= LARGE_KERNEL]  # no larger than they must be
            if rest:
                best = min(rest, key=lambda r: (counts[r.texture], counts[r.noise]))
                counts.update((best.texture, best.noise))
                chosen.add(best.name)
    return chosen


def make(recipe: Recipe) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blurry picture, sharp picture (both (H, W) or (H, W, 3) in [0, 1]) and kernel."""
    draw = np.random.default_rng(recipe.seed)
    kernel = FAMILIES[recipe.family][1](recipe.size, recipe.seed)
    picture = source_picture(recipe.texture, recipe.source)
    if recipe.texture != "text":
        picture = np.rot90(picture, int(draw.integers(4)))
    canvas = lively_crop(picture, recipe.side + recipe.size - 1, draw)
    if recipe.channels == 1:
        canvas = canvas @ np.array([0.299, 0.587, 0.114])
    return blur(canvas, kernel, recipe.noise, recipe.seed), seen(canvas, kernel), kernel


def lively_crop(picture: Picture, side: int, draw: Draw) -> Picture:
    """The one of some random crops whose edges are most evenly spread: no clear sky, no empty paper."""

    def liveliness(crop: Picture) -> float:
        grey = crop.mean(-1)
        edges = np.abs(np.diff(grey, axis=0))[:, :-1] + np.abs(np.diff(grey, axis=1))[:-1]
        return float(np.sqrt(edges).mean())

    corners = [[draw.integers(n - side + 1) for n in picture.shape[:2]] for _ in range(8)]
    return max((picture[i : i + side, j : j + side] for i, j in corners), key=liveliness)


def main(options: Options) -> int:
    """Make the folder; a picture of it that exists is written again."""
    folder = Path(options.out)
    recipes = plan(options.count, options.seed)
    for part in ("blurry", "sharp", "kernels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for recipe in recipes:
        blurry, sharp, kernel = make(recipe)
        for part, picture in (("blurry", blurry), ("sharp", sharp)):
            iio.imwrite(folder / part / f"{recipe.name}.png", np.round(255 * picture).astype(np.uint8))
        np.save(folder / "kernels" / f"{recipe.name}.npy", kernel)
    with open(folder / "manifest.csv", "w", newline="") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Recipe)])
        table.writeheader()
        table.writerows(asdict(recipe) for recipe in recipes)
    print(f"{len(recipes)} pairs, {sum(recipe.quick for recipe in recipes)} of them in the quick subset: {folder}")
    return 0


if __name__ == "__main__":
    run_script(main, Options, __doc__)
