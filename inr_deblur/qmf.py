"""Quadrature mirror filters of the kernel, and what a coarse scale misses without them.

For plain subsampling by two, any x and any k, exactly (Zhang, Quan, Ji, NeurIPS 2024, section 3):

    4 (x down2) (*) (k down2) = (x (*) k) down2 + sum_d (x (*) g_d) down2

    g_1[m, n] = (-1)^m k[m, n],    g_2[m, n] = (-1)^n k[m, n],    g_3[m, n] = (-1)^(m + n) k[m, n]

with m, n counted from the kernel's origin. So a subsampled blurry picture is not the subsampled latent image blurred by
the subsampled kernel: the mirror terms are the difference. With a pointwise network on nested grids the identity holds
whatever the parameters are and teaches nothing; it acts once the measured y stands in for x (*) k.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array

from inr_deblur.blur import convolve_valid


def mirror_filters(k: Array) -> Array:
    """g_1, g_2, g_3 of k (K, L), origin at (K // 2, L // 2) -> (3, K, L)."""
    m, n = (jnp.asarray(np.where((np.arange(s) - s // 2) % 2, -1, 1), k.dtype) for s in k.shape)
    return jnp.stack([m[:, None] * k, n[None, :] * k, m[:, None] * n[None, :] * k])


def down2(k: Array) -> Array:
    """Every second entry of k (K, L) along each axis, its origin at (K // 2, L // 2) among them."""
    return k[(k.shape[0] // 2) % 2 :: 2, (k.shape[1] // 2) % 2 :: 2]


def alias_terms(x: Array, k: Array) -> Array:
    """sum_d (x (*) g_d) down2 for a canvas x (H + K - 1, W + L - 1) -> (ceil(H / 2), ceil(W / 2)).

    The three filters add up to one: sum_d g_d = 4 k - k at the entries `down2` keeps, and -k at all others.
    """
    return convolve_valid(x, mirror_filters(k).sum(0))[::2, ::2]


def cross_scale_residual(y: Array, x: Array, k: Array, x_coarse: Array, k_coarse: Array, gain: float = 4.0) -> Array:
    """y down2 + sum_d (x (*) g_d) down2 - gain x_c (*) k_c: zero for the truth without noise, for `gain` = 4.

    y: (H, W); x: (H + K - 1, W + L - 1); k: (K, L); x_coarse, k_coarse: the same functions on the nested grids of twice
    the spacing, the result of their valid convolution (ceil(H / 2), ceil(W / 2)). A k_coarse normalised to sum 1 takes
    gain 1: it is 4 k down2 exactly when the four polyphase components of k carry equal mass.
    """
    return y[::2, ::2] + alias_terms(x, k) - gain * convolve_valid(x_coarse, k_coarse)


def cross_scale_loss(residual: Array) -> Array:
    """Mean modulus of the residual's orthonormal DFT (the paper's L1 norm in the Fourier domain)."""
    f = jnp.fft.rfft2(residual, norm="ortho")
    return jnp.sqrt(jnp.real(f) ** 2 + jnp.imag(f) ** 2 + 1e-12).mean()
