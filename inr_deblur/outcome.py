"""What came out of a fit, in sentences with a remedy."""

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from inr_deblur.kernels import largest_piece, support_box

POINT = 0.45  # standard deviation along an axis, in pixels, below which a kernel is a point
MOST = 0.5  # share of the mass within 2 x 2 pixels above which a kernel leaves sharp edges sharp
HANGS_TOGETHER = 0.8  # share of the mass in the largest piece, below which a kernel is in pieces
MISFIT = 2.5  # residual over noise that no fitted picture has
SHARP = 0.35  # `sharpness` above which edges are pixel-sharp
NOT_SMALL = 4.0  # `spread` from which on a kernel is what wide ones that no search settled have become
WIDE = 1.5  # `spread` from which on the right kernel makes edges sparser whatever the picture
SURE, HOPELESS = 0.92, 1.02  # `sparsity` over that of the denoised picture: no doubt is left, and no hope
TOO_LOUD = 1 / 3  # noise over contrast, above which any kernel explains a picture
DOUBTFUL = 0.75  # share of the way from hopeless to sure
SHARP_PARTS = 0.35  # `sharp_share` above which a picture is sharp
BLOCK = 32  # side in pixels of the parts of a picture that are looked at one by one
TEXTURED = 2.0  # times the noise that slopes of a part have at least, to tell


class Outcome(Enum):
    """How a fit ended; the value is the sentence that a user reads."""

    RECOVERED = "The blur was found and taken out."
    SLIGHT_BLUR = (
        "A slight blur was found and taken out; if the result is still blurred, a stronger one was missed: "
        "try another seed, a kernel.size near to the blur that you see, or a region with edges in all directions."
    )
    COLOURED_LIGHTS = (
        "A blur was found and taken out, but lights brighter than white leave open whether it is the right one: "
        "look at the kernel, and if it is no path or the result has ghosts try another seed, or a region without them."
    )
    RESTORED = "The picture was restored with the kernel that was given."
    NO_BLUR = (
        "No blur was found: the picture has edges as sharp as its pixels allow, and it comes back as it was; if it "
        "looks blurred, lamps or glints misled the search: try a region without them."
    )
    KERNEL_COLLAPSED = (
        "The kernel collapsed to a point although the picture is blurred: try another seed, or a larger kernel.size."
    )
    KERNEL_TRUNCATED = (
        "The kernel reaches the border of its support, so a part of it may be missing: raise kernel.size."
    )
    TOO_NOISY = (
        "The noise is more than a third of the contrast where the blur was sought, too much to tell it by, so the "
        "result is doubtful: take the mean of several exposures, or give a region with more contrast."
    )
    NOT_FITTED = (
        "The picture is not explained by one kernel for all of it, so the result is doubtful: "
        "give a region that moved as one, or another seed."
    )
    NOT_CLEARER = (
        "The result's edges are hardly clearer than the picture's, as the right kernel would make them, so the result "
        "is doubtful: try another seed, a kernel.size nearer to the blur, or a region with edges in all directions."
    )
    NOT_SETTLED = (
        "No search ended on a wide kernel that explains the picture as well once it is corrected, so the result is "
        "doubtful: look at it, and try another seed, or a region with edges in all directions."
    )
    KERNEL_IN_PIECES = (
        "The kernel fell to pieces, as no camera moves, so the result is doubtful: "
        "try another seed, a kernel.size nearer to the blur, or a region with edges in all directions."
    )

    @property
    def ok(self) -> bool:
        return self in (Outcome.RECOVERED, *CAUTIOUS, Outcome.RESTORED, Outcome.NO_BLUR)


CAUTIOUS = Outcome.SLIGHT_BLUR, Outcome.COLOURED_LIGHTS  # not failures, but no more than half sure


def spread(k: NDArray) -> float:
    """Standard deviation of the kernel's mass along an axis, in pixels, the root mean square of both axes."""
    variances = []
    for axis in (0, 1):
        mass, place = k.sum(1 - axis) / k.sum(), np.arange(k.shape[axis])
        variances.append((mass * place**2).sum() - (mass * place).sum() ** 2)
    return float(np.sqrt(max(np.mean(variances), 0)))


def densest(k: NDArray) -> float:
    """The largest share of the kernel's mass that lies within 2 x 2 pixels."""
    k = np.pad(k, 1)
    return float((k[1:, 1:] + k[:-1, 1:] + k[1:, :-1] + k[:-1, :-1]).max() / k.sum())


def sharpness(y: NDArray, noise: float) -> float:
    """Mean (y(i) - y(i+1))^2 over mean (y(i) - y(i+2))^2: 1/4 for smooth edges, 1/2 for pixel-sharp ones.

    Less what noise of this standard deviation adds to both; 0 where that leaves too little to tell. Squares, because
    one edge's moduli have the same sum whether it is sharp or not. y: (H, W).
    """
    one, two = (((y[n:] - y[:-n]) ** 2).mean() + ((y[:, n:] - y[:, :-n]) ** 2).mean() - 4 * noise**2 for n in (1, 2))
    return float(one / two) if two > max((TEXTURED * noise) ** 2, 1e-6) else 0.0


def sharp_share(y: NDArray, noise: float) -> float:
    """The share of a picture's parts, of those with edges to tell by, that are sharp: 0 to 1, 0 if none has edges.

    So that a few lamps don't speak for the rest. y: (H, W); noise: its standard deviation.
    """
    corners = ((i, j) for i in range(0, y.shape[0] - 2, BLOCK) for j in range(0, y.shape[1] - 2, BLOCK))
    told = [value for i, j in corners if (value := sharpness(y[i : i + BLOCK, j : j + BLOCK], noise))]
    return float(np.mean(np.array(told) > SHARP)) if told else 0.0


def sparsity(x: NDArray) -> float:
    """The mean of |grad x| over its root mean square, at most 1: blur, ringing and noise raise it.

    A normalised measure as that of Krishnan, Tay and Fergus, Blind deconvolution using a normalized sparsity measure
    (CVPR 2011).
    """
    square = np.diff(x, axis=0)[:, 1:] ** 2 + np.diff(x, axis=1)[1:] ** 2
    return float(np.sqrt(square).mean() / max(np.sqrt(square.mean()), 1e-12))


def clearness(kernel: NDArray, denoised: NDArray, restored: NDArray) -> float:
    """How far the result's edges are sparser than the picture's, as a right kernel makes them: 0, not at all, to 1.

    1 for kernels too small to tell. denoised: the picture as a restoration of the same weight leaves it with a point as
    its kernel, since noise that goes makes any picture sparser; both (H, W).
    """
    if spread(kernel) < WIDE:
        return 1.0
    share = (HOPELESS - sparsity(restored) / max(sparsity(denoised), 1e-12)) / (HOPELESS - SURE)
    return float(np.clip(share, 0, 1))


def judge(
    kernel: NDArray,
    limit: int,
    misfit: float,
    blurry: NDArray,
    noise: float,
    clear: float = 1.0,
    lights: bool = False,
    loud: float = 0.0,
    settled: bool = True,
) -> Outcome:
    """The outcome of a blind fit.

    kernel: (K, L), pruned; limit: side in pixels that the search allowed it; misfit: rms residual over the noise's
    standard deviation; blurry: (H, W) the picture; noise: its standard deviation; clear: the result's `clearness`;
    lights: whether the picture shows coloured lights (`colour`), of which even the true kernel leaves a misfit; loud:
    noise over contrast, both standard deviations, where the kernel was sought; settled: see `blind.Found`.
    """
    point = spread(kernel) < POINT
    if (point or densest(kernel) > MOST) and sharp_share(blurry, noise) > SHARP_PARTS:
        return Outcome.NO_BLUR
    if point:
        return Outcome.KERNEL_COLLAPSED
    if loud > TOO_LOUD:
        return Outcome.TOO_NOISY
    if truncated(kernel, limit):
        return Outcome.KERNEL_TRUNCATED
    if in_pieces(kernel):
        return Outcome.KERNEL_IN_PIECES
    if clear < DOUBTFUL:
        return Outcome.NOT_CLEARER
    if misfit > MISFIT and not lights:
        return Outcome.NOT_FITTED
    if not settled and spread(kernel) >= NOT_SMALL:
        return Outcome.NOT_SETTLED
    if misfit > MISFIT:
        return Outcome.COLOURED_LIGHTS
    return Outcome.RECOVERED if spread(kernel) >= WIDE else Outcome.SLIGHT_BLUR


def truncated(kernel: NDArray, limit: int) -> bool:
    """Whether the kernel (K, L), pruned, fills the side of `limit` pixels that the search allowed it."""
    return support_box(kernel)[1] >= limit - 1


def in_pieces(kernel: NDArray) -> bool:
    """Whether too little of the kernel (K, L), pruned, hangs together for the path of a camera."""
    return largest_piece(kernel) < HANGS_TOGETHER


def confidence(outcome: Outcome, kernel: NDArray, clear: float = 1.0) -> float:
    """How much to trust a result, in [0, 1]: a rule of thumb, not a probability.

    The share of the kernel's mass that hangs together times the result's `clearness`, halved where the outcome is a
    warning or a cautious one; 1 for a kernel that was given. clear: where no blur was found the picture's
    `sharp_share`, since the result is the picture.
    """
    if outcome is Outcome.RESTORED:
        return 1.0
    sure = outcome.ok and outcome not in CAUTIOUS
    return largest_piece(kernel) * clear * (1.0 if sure else 0.5)
