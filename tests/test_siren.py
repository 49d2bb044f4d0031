"""The fast sine, and the initialisation that keeps a deep SIREN's signal at unit scale."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inr_deblur.siren import SineLayer, Siren, sine


@given(st.floats(-50, 50, width=32))
def test_the_fast_sine_and_its_slope(z):
    assert abs(float(sine(jnp.float32(z))) - np.sin(z)) < 2e-5
    assert abs(float(jax.grad(sine)(jnp.float32(z))) - np.cos(z)) < 2e-5


def test_hidden_activations_keep_their_scale_with_depth():
    z = jax.random.uniform(jax.random.key(0), (500, 2), minval=-1, maxval=1)
    spreads = []
    for i in range(5):
        layer = SineLayer(256, 30.0, first=i == 0)
        z = layer.apply(layer.init(jax.random.key(i), z), z)
        spreads.append(float(jnp.std(z)))
    assert all(0.6 < s < 0.8 for s in spreads)  # a sine of a uniform phase has 1 / sqrt 2


def test_the_head_scale_shrinks_the_first_values():
    z = jax.random.uniform(jax.random.key(0), (200, 2), minval=-1, maxval=1)
    wide, flat = (Siren((32, 32), 15.0, 5.0, head_scale=s) for s in (1.0, 0.01))
    values = [m.apply(m.init(jax.random.key(1), z), z) for m in (wide, flat)]
    np.testing.assert_allclose(values[1], 0.01 * values[0], rtol=1e-3, atol=1e-7)
