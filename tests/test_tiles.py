"""Tiles: weights that sum to one, no seams, bounded pieces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from inr_deblur.colour import luminance
from inr_deblur.config import DeblurConfig
from inr_deblur.coordinates import Grid
from inr_deblur.latent import patches_work, restoration_work, restore_with
from inr_deblur.progress import Silent
from inr_deblur.simulate import blur, line_kernel, seen
from inr_deblur.tiles import Axis, TiledImage, as_it_is_in_tiles, axis, likelier_in_tiles, restore_in_tiles

KERNEL = line_kernel(9, 30)


@given(st.integers(16, 9000), st.integers(1, 121), st.integers(200, 1500), st.floats(0.3, 4))
def test_tiles_cover_the_picture_and_share_it_out(length, kernel, tile, scale):
    tiles = axis(length, kernel, tile)
    assert tiles.starts[0] == 0 and tiles.starts[-1] + tiles.length == length
    assert tiles.length <= max(tile, 2 * (2 * max(24, kernel) + 33))
    positions = (np.arange(round(length * scale)) + 0.5) / scale - 0.5
    weights = np.array([tiles.weights(positions, i) for i in range(len(tiles.starts))])
    np.testing.assert_allclose(weights.sum(0), 1, atol=1e-5)
    assert weights.min() >= 0
    for start, weight in zip(tiles.starts, weights, strict=True):
        used = positions[weight > 0] - start
        first, last = start == 0, start == tiles.starts[-1]
        assert used.min() >= (-1 if first else max(24, kernel))
        assert used.max() <= tiles.length - (0 if last else max(24, kernel))


def restored(y: np.ndarray, tile: int):
    return restore_in_tiles("harmonic", y, KERNEL, 1e-4, DeblurConfig(), Silent(), tile)


@pytest.mark.parametrize("colour", [False, True])
def test_no_seams_and_as_good_as_in_one_piece(colour):
    canvas = (data.astronaut()[:428, 80:408] / 255).astype(np.float32)
    canvas = canvas if colour else canvas[..., 1]
    y, x = blur(canvas, KERNEL, 0.003), seen(canvas, KERNEL)
    tiled, _ = restored(y, 180)
    whole, _ = restored(y, 4000)
    assert isinstance(tiled, TiledImage) and len(tiled.latents) >= 6
    pieces, one = tiled.render(y.shape), whole.render(y.shape)
    assert pieces.shape == y.shape and pieces.dtype == np.float32
    away = np.abs(pieces - one)
    assert np.sqrt((away**2).mean()) < 1.5 / 255
    errors = [((a - x) ** 2).mean() for a in (pieces, one)]
    assert errors[0] < 1.02 * errors[1]
    steps = np.abs(np.diff(pieces - one, axis=0)).reshape(len(y) - 1, -1).mean(1)  # a seam is a jump along a row
    assert steps.max() < 1.5 / 255
    assert tiled.residual(luminance(y)) < 0.01


def test_a_grid_that_was_moved():
    y = blur((data.camera()[:308, :308] / 255).astype(np.float32), KERNEL)
    tiled, _ = restored(y, 180)
    down, right = (np.arange(n, dtype=np.float32) for n in y.shape)
    moved = tiled.on(Grid(down + 1, right - 2))
    inner = np.s_[4:-4, 4:-4]
    np.testing.assert_allclose(moved[inner], np.roll(tiled.render(y.shape), (-1, 2), (0, 1))[inner], atol=1e-4)


def test_finer_and_coarser_grids():
    canvas = (data.camera()[:308, :308] / 255).astype(np.float32)
    y = blur(canvas, KERNEL)
    tiled, trace = restored(y, 180)
    assert trace.name == "restoration"
    fine, same = tiled.render(y.shape, 3.0), tiled.render(y.shape)
    assert fine.shape == (900, 900)
    np.testing.assert_allclose(fine[1::3, 1::3], same, atol=1e-3)
    assert tiled.render(y.shape, 0.5).shape == (150, 150)
    few = tiled.render(y.shape, 1 / 143)  # fewer positions than tiles
    np.testing.assert_allclose(few, same[np.ix_([71, 214], [71, 214])], atol=1e-3)


def test_every_tile_counts_as_progress():
    class Counted(Silent):
        done = 0.0

        def advance(self, amount: float, note: str = "") -> None:
            self.done += amount

    y = blur((data.camera()[:308, :208] / 255).astype(np.float32), KERNEL)
    progress = Counted()
    tiled, _ = restore_in_tiles("harmonic", y, KERNEL, 1e-4, DeblurConfig(), progress, 180)
    assert isinstance(tiled, TiledImage)
    assert progress.done == len(tiled.latents) * restoration_work("harmonic", tiled.tile, DeblurConfig())


def test_a_small_picture_is_one_piece():
    y = blur((data.camera()[:108, :108] / 255).astype(np.float32), KERNEL)
    alone, _ = restore_with("harmonic", y, KERNEL, 1e-4, DeblurConfig(), Silent())
    np.testing.assert_array_equal(restored(y, 1024)[0].render(y.shape), alone.render(y.shape))


def test_one_tile_weighs_one():
    assert (Axis((0,), 50, 24).weights(np.arange(50.0), 0) == 1).all()


def test_tiles_made_likelier_have_no_seams():
    canvas = (data.astronaut()[:428, 80:408] / 255).astype(np.float32)
    y, x = blur(canvas, KERNEL, 0.005), seen(canvas, KERNEL)
    noise, told, bare, better = 0.005**2, [], [], []

    class Counted(Silent):
        def advance(self, amount: float, note: str = "") -> None:
            told.append((amount, note))

    for tile in (180, 4000):
        latent, _ = restore_in_tiles("harmonic", y, KERNEL, 3e-4, DeblurConfig(), Silent(), tile)
        bare.append(latent.render(y.shape))
        latent, trace = likelier_in_tiles(latent, y, noise, Counted())
        assert trace.name == "patches" and len(trace.losses) == 0
        if tile == 180:
            assert isinstance(latent, TiledImage) and len(latent.latents) >= 6
            assert told == [(patches_work(latent.tile), "patches")] * len(latent.latents)
        better.append(latent.render(y.shape))
    errors = [((picture - x) ** 2).mean() for picture in (*better, *bare)]
    assert errors[0] < 1.03 * errors[1] and errors[0] < errors[2] and errors[1] < errors[3]
    steps = np.abs(np.diff(better[0] - better[1], axis=0)).reshape(len(y) - 1, -1).mean(1)
    assert steps.max() < 2 / 255
    assert told[-1] == (patches_work(y.shape), "patches")


@pytest.mark.parametrize("shape", [(1100, 40), (40, 1100, 3), (60, 70)])
def test_a_picture_as_it_is(shape):
    y = np.random.default_rng(0).random(shape).astype(np.float32)
    shown = as_it_is_in_tiles(y)
    assert isinstance(shown, TiledImage) == (max(shape) > 1024)
    np.testing.assert_allclose(shown.render(y.shape), y, atol=2e-4)
