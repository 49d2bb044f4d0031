"""How far one picture lies off another that shows the same: a shift in fractions of a pixel."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inr_deblur.metrics import squared_errors

REACH = 10  # largest whole shift along an axis, pixels; less in pictures below 40 pixels
SMOOTH = 1.0  # standard deviation in pixels of the Gaussian that both are compared through
STEPS = 8  # of Gauss and Newton


def shift_between(picture: NDArray, other: NDArray) -> tuple[float, float]:
    """The shift d = (down, right), in pixels, with the least sum over p of (picture(p + d) - other(p))^2.

    picture, other: (H, W), at least 16 x 16. All whole shifts are tried; from the best of them go Gauss-Newton steps,

        d <- d + (sum g g')^-1 sum g (other - picture(. + d)),    g = grad picture(. + d)

    with cubic splines between the pixels, at most one pixel away. Lucas and Kanade, An iterative image registration
    technique (IJCAI 1981).
    """
    picture, other = (ndimage.gaussian_filter(np.asarray(a, np.float64), SMOOTH) for a in (picture, other))
    reach = min(REACH, min(other.shape) // 4)
    inside = np.s_[reach:-reach, reach:-reach]
    shifts = np.arange(-reach, reach + 1.0)
    errors = squared_errors(picture, other[inside], reach, shifts)
    start = np.array(np.unravel_index(np.argmin(errors), errors.shape)) - float(reach)
    splines = np.asarray(ndimage.spline_filter(picture, mode="mirror"))
    shift = start
    for _ in range(STEPS):
        moved = np.asarray(ndimage.shift(splines, -shift, mode="mirror", prefilter=False))
        slopes = np.stack([np.gradient(moved, axis=axis)[inside].ravel() for axis in (0, 1)])
        step = np.linalg.lstsq(slopes @ slopes.T, slopes @ (other[inside] - moved[inside]).ravel(), rcond=None)[0]
        shift = np.clip(shift + step, start - 1, start + 1)
    return float(shift[0]), float(shift[1])
