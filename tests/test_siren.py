"""The fast sine, and the initialisation that keeps a deep SIREN's signal at unit scale."""

import jax
import numpy as np

from inr_deblur.siren import SineLayer, Siren, sine


def test_the_fast_sine_and_its_slope():
    quarters = np.pi / 2 * np.arange(-31, 32)  # where its argument is folded
    z = np.concatenate([np.linspace(-50, 50, 4001), quarters, quarters + 1e-6]).astype(np.float32)
    value, slope = jax.jit(jax.vmap(jax.value_and_grad(sine)))(z)
    np.testing.assert_allclose(value, np.sin(z.astype(float)), atol=2e-5)
    np.testing.assert_allclose(slope, np.cos(z.astype(float)), atol=2e-5)


def _key(seed):
    return jax.random.key(seed, impl="rbg")  # compiled much quicker than the default


def _first(module, seed, z):
    """The module's values at z with its first parameters."""
    return jax.jit(module.init_with_output)(_key(seed), z)[0]


def test_hidden_activations_keep_their_scale_with_depth():
    z = np.random.default_rng(0).uniform(-1, 1, (500, 2)).astype(np.float32)
    z = _first(SineLayer(256, 30.0, first=True), 0, z)
    hidden = jax.jit(SineLayer(256, 30.0).init_with_output)
    spreads = [float(np.std(z))]
    for i in range(4):
        z, _ = hidden(_key(i), z)
        spreads.append(float(np.std(z)))
    assert all(0.6 < s < 0.8 for s in spreads)  # a sine of a uniform phase has 1 / sqrt 2


def test_the_head_scale_shrinks_the_first_values():
    z = np.random.default_rng(0).uniform(-1, 1, (200, 2)).astype(np.float32)
    wide, flat = (np.asarray(_first(Siren((32, 32), 15.0, 5.0, head_scale=s), 1, z)) for s in (1.0, 0.01))
    np.testing.assert_allclose(flat, 0.01 * wide, rtol=1e-3, atol=1e-7)
