"""One stage of a fit: it learns, a batch is its members, kernels keep to their windows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inr_deblur.blur import area_average
from inr_deblur.clipping import white
from inr_deblur.coordinates import canvas_grid, kernel_grid, picture_grid
from inr_deblur.fit import (
    FASTER,
    Data,
    Generators,
    Weights,
    _siren_labels,
    fit_stage,
    optimiser,
    stack,
    trimmed,
    windowed,
)
from inr_deblur.generators import GridKernel, SirenImage, SirenKernel, _frame, image_generator
from inr_deblur.objectives import sparse, variational
from inr_deblur.simulate import blur, line_kernel

SHAPE, SIDE, STEPS = (20, 24), 5, 6
KERNEL = line_kernel(SIDE, 30)
OFFSETS = kernel_grid((SIDE, SIDE))
CANVAS = canvas_grid(picture_grid(SHAPE), OFFSETS)
SHARP = np.where(np.add.outer(np.arange(24), 2 * np.arange(28)) % 22 < 11, 0.8, 0.2).astype(np.float32)
HARMONIC = image_generator("harmonic", SHAPE, (2, 2))
BOTH = Generators(HARMONIC, SirenKernel(width=8, depth=2))


@pytest.fixture(autouse=True)
def _optax_promotes():
    """Adam and Muon multiply Python's floats and int32 counters."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def _random(generator, grid, seed):
    shapes = jax.eval_shape(generator.init, jax.random.key(0), grid)
    draw = np.random.default_rng(seed)
    return jax.tree.map(lambda a: draw.normal(0, 0.1, a.shape).astype(np.float32), shapes)


def _rates(*image_rates, kernel_rate=3e-3):
    def each(values):
        return jnp.asarray(values, jnp.float32)[:, None].repeat(STEPS, 1)

    count = len(image_rates)
    return Weights(each([1e-4] * count), each(image_rates), each([kernel_rate] * count))


def _data(starts, window=3.0):
    canvas, offsets = (stack([jax.tree.map(jnp.asarray, grid)] * starts) for grid in (CANVAS, OFFSETS))
    ys = jnp.stack([jnp.asarray(blur(SHARP, KERNEL))] * starts)
    windows, cross_scale, noise = (jnp.full(starts, value, jnp.float32) for value in (window, 0.01, 0.002))
    return Data(ys, canvas, offsets, windows, cross_scale, noise, white(np.asarray(ys)))


def _start(seed):
    return {"image": _random(HARMONIC, CANVAS, seed), "kernel": _random(BOTH.kernel, OFFSETS, seed)}


@pytest.fixture(scope="module")
def pair():
    """Two starts at different rates, as one batch, with the cross-scale loss."""
    with jax.numpy_dtype_promotion("standard"):
        starts, rates = [_start(1), _start(2)], _rates(1e-2, 5e-3)
        return starts, rates, fit_stage(BOTH, variational, 1, stack(starts), _data(2), rates, cross_scale_form="mirror")


def test_two_starts_in_a_batch_are_two_runs(pair):
    starts, rates, both = pair
    for i, start in enumerate(starts):
        own = Weights(*(rate[i : i + 1] for rate in rates))
        alone = fit_stage(BOTH, variational, 1, stack([start]), _data(1), own, cross_scale_form="mirror")
        np.testing.assert_allclose(alone.losses[0], both.losses[i], rtol=1e-3)
        np.testing.assert_allclose(alone.kernel[0], both.kernel[i], atol=1e-3)


def test_the_kernel_of_a_fit_is_a_distribution_within_its_window(pair):
    k = np.asarray(pair[2].kernel)
    assert k.shape == (2, SIDE, SIDE) and k.min() >= 0
    np.testing.assert_allclose(k.sum((1, 2)), 1, rtol=1e-5)
    rim = np.ones((SIDE, SIDE), bool)
    rim[1:-1, 1:-1] = False
    assert (k[:, rim] == 0).all() and (k[:, ~rim] > 0).all()


def test_the_first_loss_is_that_of_the_parameters_given(pair):
    starts, _, both = pair
    still = _rates(0.0, 0.0, kernel_rate=0.0)
    held = fit_stage(BOTH, variational, 1, stack(starts), _data(2), still, cross_scale_form="mirror")
    np.testing.assert_allclose(held.losses, np.repeat(np.asarray(both.losses[:, :1]), STEPS, 1), rtol=1e-4)
    jax.tree.map(np.testing.assert_array_equal, held.params, stack(starts))
    assert (both.losses[:, -1] < both.losses[:, 0]).all()


def test_a_coarse_stage_moves_the_features_that_its_samples_can_tell_and_no_other():
    canvas = canvas_grid(picture_grid(SHAPE, 2), kernel_grid((SIDE, SIDE), 2))
    y = area_average(blur(SHARP, KERNEL).astype(np.float32), 2)
    windows, cross_scale, noise = (np.full(1, value, np.float32) for value in (3.0, 0.0, 0.002))
    data = Data(y[None], stack([canvas]), stack([kernel_grid((SIDE, SIDE), 2)]), windows, cross_scale, noise, None)
    start = stack([_start(1)])
    before, after = (
        np.asarray(params["image"]["params"]["coefficients"])[0]
        for params in (start, fit_stage(BOTH, variational, 2, start, data, _rates(1e-2)).params)
    )
    assert trimmed(HARMONIC, start["image"], 2)[0].features == (12, 14)
    assert before.shape == after.shape == (24, 28)
    assert (before[:12, :14] != after[:12, :14]).all()
    seen = np.zeros_like(before, bool)
    seen[:12, :14] = True
    np.testing.assert_array_equal(before[~seen], after[~seen])


def test_each_member_of_a_batch_fits_its_own_picture():
    start, other = _start(1), jnp.asarray(blur(1 - SHARP[::-1], KERNEL))
    data = _data(2)
    data = data._replace(y=data.y.at[1].set(other))
    both = fit_stage(BOTH, variational, 1, stack([start] * 2), data, _rates(1e-2, 1e-2))
    for i in (0, 1):
        own = jax.tree.map(lambda a, i=i: a[i : i + 1], data)
        alone = fit_stage(BOTH, variational, 1, stack([start]), own, _rates(1e-2))
        np.testing.assert_allclose(alone.losses[0], both.losses[i], rtol=1e-3)
    assert abs(both.losses[0, -1] - both.losses[1, -1]) > 1e-3 * abs(both.losses[0, -1])


@pytest.mark.parametrize("name", ["harmonic", "siren"])
def test_with_a_kernel_that_is_known_the_loss_falls_and_the_kernel_stays(name):
    generator = {"harmonic": HARMONIC, "siren": SirenImage(_frame(SHAPE, (2, 2)), width=16, depth=2)}[name]
    start = stack([{"image": _random(generator, CANVAS, 0)}])
    known = jnp.asarray(KERNEL)[None]
    fitted = fit_stage(Generators(generator, None), sparse, 1, start, _data(1), _rates(1e-3), known)
    losses = np.asarray(fitted.losses[0])
    assert losses[-1] < 0.9 * losses[0]
    np.testing.assert_array_equal(fitted.kernel, known)
    assert "kernel" not in fitted.params


@pytest.mark.parametrize(("window", "inside"), [(0.0, 1), (2.0, 3), (3.9, 3), (4.0, 5), (np.inf, 9)])
def test_a_window_keeps_the_proportions_within_it(window, inside):
    k = np.random.default_rng(0).dirichlet(np.ones(81)).reshape(9, 9).astype(np.float32)
    offsets = jax.tree.map(jnp.asarray, kernel_grid((9, 9), 1, (3.5, -2.0)))
    with jax.numpy_dtype_promotion("strict"):
        cut = np.asarray(windowed(jnp.asarray(k), offsets, jnp.float32(window)))
    kept = slice(4 - inside // 2, 5 + inside // 2)
    expected = np.zeros_like(k)
    expected[kept, kept] = k[kept, kept] / k[kept, kept].sum()
    np.testing.assert_allclose(cut, expected, rtol=1e-5)


def test_muon_has_the_hidden_matrices_of_a_siren_and_adam_the_rest():
    params = _random(SirenImage(_frame(SHAPE, (2, 2)), width=16, depth=3), CANVAS, 0)
    labels = jax.tree.leaves(_siren_labels(params))
    shapes = [leaf.shape for leaf in jax.tree.leaves(params)]
    assert shapes.count((16, 16)) == labels.count("muon") == 2
    assert all((shape == (16, 16)) == (name == "muon") for shape, name in zip(shapes, labels, strict=True))


def test_free_numbers_learn_faster_than_a_network():
    slope = {"values": jnp.ones((3, 3))}
    moved = []
    for generator in (GridKernel(1.0), SirenKernel()):
        step = optimiser(generator)
        moved.append(jax.tree.leaves(step.update(slope, step.init(slope), slope)[0])[0])
    np.testing.assert_allclose(moved[0], FASTER * moved[1], rtol=1e-6)


def test_only_a_siren_gets_muon():
    state = optimiser(HARMONIC).init(_random(HARMONIC, CANVAS, 0))
    assert "muon" not in str(type(state)).lower() and "Partition" not in type(state).__name__
    assert "Partition" in type(optimiser(SirenImage(_frame(SHAPE, (2, 2)))).init({"a": jnp.zeros((4, 4))})).__name__


def test_a_stack_has_a_leading_axis():
    batch = stack([{"a": np.zeros(3), "b": np.ones((2, 2))}] * 4)
    assert batch["a"].shape == (4, 3) and batch["b"].shape == (4, 2, 2)
