"""The path that a kernel was drawn along: its ridge, one entry wide.

A kernel (K, L) is thinned from its faintest entry to its brightest: an entry goes if that parts nothing, makes no hole
and shortens no bright line. What is left lies on the ridges, where the camera spent its time.
"""

import numpy as np
from numpy.typing import NDArray

FAINT = 0.08  # share of the largest entry below which an entry belongs to no path
END = 0.25  # share of the largest entry from which on an entry can be the end of a line
# the eight neighbours of an entry in a circle, the four beside it at even places
AROUND = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))
Place = tuple[int, int]


def ridge(kernel: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which entries of the kernel (K, L) lie on its path; at least one does."""
    light = np.pad(kernel / kernel.max(), 1)
    kept = light > FAINT
    for down, right in sorted(np.argwhere(kept), key=lambda at: light[tuple(at)]):
        ring = [bool(kept[down + i, right + j]) for i, j in AROUND]
        is_end = sum(ring) == 1 and light[down, right] >= END
        if connectivity(ring) == 1 and not is_end:
            kept[down, right] = False
    return kept[1:-1, 1:-1]


def connectivity(ring: list[bool]) -> int:
    """How many parts an entry holds together, by its neighbours in a circle: 1 where it can go without a trace.

    Yokoi, Toriwaki, Fukumura, An analysis of topological properties of digitized binary pictures using local features
    (Computer Graphics and Image Processing 1975), for pictures whose entries also touch at corners.
    """
    empty = [not here for here in ring]
    return sum(empty[i] - (empty[i] and empty[i + 1] and empty[(i + 2) % 8]) for i in (0, 2, 4, 6))


def links(path: NDArray[np.bool_]) -> list[tuple[Place, Place]]:
    """The pairs of neighbours on a path: a diagonal one only where no entry beside both of them is on it."""
    on = np.pad(path, 1)
    found = []
    for down, right in np.argwhere(on):
        for i, j in ((0, 1), (1, 0), (1, 1), (1, -1)):
            corner = i and j and (on[down, right + j] or on[down + i, right])
            if on[down + i, right + j] and not corner:
                found.append(((int(down) - 1, int(right) - 1), (int(down + i) - 1, int(right + j) - 1)))
    return found
