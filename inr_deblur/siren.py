"""Sine layers (Sitzmann et al. 2020, Implicit Neural Representations with Periodic Activation Functions)."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


@jax.custom_jvp
def sine(z: Array) -> Array:
    """sin(z), to 6e-6 for |z| < 50: one range reduction and a polynomial, many times faster than XLA's on a CPU."""
    return _sine_of_turn(_turn(z))


def _turn(z: Array) -> Array:
    t = z * np.float32(0.5 / np.pi)
    return t - jnp.round(t)  # in turns, [-1/2, 1/2]


def _sine_of_turn(t: Array) -> Array:
    """sin(2 pi t): t is folded into [-1/4, 1/4], where the odd Taylor polynomial of degree 9 is exact to 6e-6."""
    t = jnp.where(jnp.abs(t) > 0.25, jnp.sign(t) * 0.5 - t, t)
    u = np.float32(2 * np.pi) * t
    v = u * u
    return u * (1 + v * (-1 / 6 + v * (1 / 120 + v * (-1 / 5040 + v * np.float32(2.6e-6)))))


@sine.defjvp
def _sine_jvp(primals, tangents):
    t = _turn(primals[0])
    quarter = t + 0.25
    return _sine_of_turn(t), _sine_of_turn(quarter - jnp.round(quarter)) * tangents[0]


class SineLayer(nn.Module):
    """sin(omega (W z + b)) with the initialisation of Sitzmann et al., section 3.2."""

    width: int
    omega: float
    first: bool = False

    @nn.compact
    def __call__(self, z: Array) -> Array:  # (..., n) -> (..., width)
        n = z.shape[-1]
        bound = 1 / n if self.first else np.sqrt(6 / n) / self.omega
        weight = self.param("kernel", uniform(bound), (n, self.width))
        bias = self.param("bias", uniform(n**-0.5), (self.width,))
        return sine(self.omega * (z @ weight + bias))


def uniform(bound: float):
    """An initialiser: uniform in [-bound, bound]."""
    return lambda key, shape: jax.random.uniform(key, shape, minval=-bound, maxval=bound)


class Siren(nn.Module):
    """Coordinates in, one value out: sine layers and a linear one, scaled down at the start by `head_scale`."""

    widths: tuple[int, ...]
    first_omega: float
    hidden_omega: float
    head_scale: float = 1.0

    @nn.compact
    def __call__(self, z: Array) -> Array:  # (..., 2) -> (...)
        shape, z = z.shape[:-1], z.reshape(-1, z.shape[-1])  # slopes of products over several axes are slow in XLA
        for i, width in enumerate(self.widths):
            z = SineLayer(width, self.first_omega if i == 0 else self.hidden_omega, first=i == 0)(z)
        bound = self.head_scale * np.sqrt(6 / z.shape[-1]) / self.hidden_omega
        weight = self.param("kernel", uniform(bound), (z.shape[-1], 1))
        bias = self.param("bias", nn.initializers.zeros, (1,))
        return (z @ weight + bias).reshape(shape)
