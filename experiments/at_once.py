"""A control for coarse to fine: the kernel from one descent of the objectives of all scales at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pairs import Pictures

from inr_deblur.config import DeblurConfig


def kernel_at_once(pictures: Pictures, config: DeblurConfig) -> NDArray[np.float32]:
    """That of one start, which takes as many steps as one takes from scale to scale, and then those of the edges.

    In each step the mean of all scales' objectives counts. The kernel is not corrected; `loss.cross_scale` plays no
    part.
    """
    from inr_deblur.blind import search_in  # here, so that a worker has settled before JAX comes
    from inr_deblur.colour import luminance
    from inr_deblur.kernels import cropped, pruned
    from inr_deblur.noise import white_noise
    from inr_deblur.pipeline import where_sought
    from inr_deblur.progress import Silent
    from inr_deblur.schedule import plan, scales
    from inr_deblur.search import ROOM, Blurry

    y = luminance(pictures.blurry)
    size, _ = where_sought(y.shape, None, config)
    pyramid = scales(size, y.shape, config.schedule.scales)
    search = search_in(Blurry(y[None], [white_noise(y)], [False]), size, 1, config, Silent())
    batch = search.begin(np.array([ROOM * size]), 0)
    *coarse_to_fine, (edges,) = plan(config, float(search.at_pixels()[0]), pyramid)
    params = _descended(search, batch, [stage for turn in coarse_to_fine for stage in turn])
    fitted = search.run(batch, [edges], search.generators, params)
    return cropped(pruned(np.asarray(fitted.kernel[0])))


def _descended(search: Any, batch: Any, stages: list) -> Any:
    """The parameters of the batch's one member after the steps of all stages, in each of which all scales count."""
    import jax
    import jax.numpy as jnp

    from inr_deblur.blur import convolve_valid
    from inr_deblur.fit import adam, descend, windowed
    from inr_deblur.objectives import OBJECTIVES, Latent
    from inr_deblur.schedule import Stage, curves

    scales = {stage.scale: stage for stage in stages}
    member = np.zeros(1, np.intp)
    seen = {scale: search.seen([stage], member)[0] for scale, stage in scales.items()}
    grids = {scale: search.grids(scale, batch.support, (0.0, 0.0)) for scale in scales}
    noises = {scale: jnp.float32(search.noise([stage], member)[0]) for scale, stage in scales.items()}
    objective, window, optimiser = OBJECTIVES[stages[0].objective], batch.windows[0].astype(np.float32), adam()

    def loss(params: Any, prior: Any) -> Any:
        total = jnp.zeros(())
        for scale, y in seen.items():
            canvas, offsets = grids[scale]
            k = windowed(search.generators.kernel.apply(params["kernel"], offsets, scale), offsets, window)
            x = search.generators.image.apply(params["image"], canvas, scale)
            total += objective(Latent(x, k, convolve_valid(x, k) - y, noises[scale]), prior)
        return total / len(seen)

    def step(carry: Any, now: Any) -> Any:
        params, state = carry
        slope = jax.grad(loss)(params, now[0])
        update: Any
        update, state = optimiser.update(slope, state)
        rates = dict(zip(("image", "kernel"), now[1:], strict=True))
        return ({name: descend(params[name], update[name], rate) for name, rate in rates.items()}, state), None

    count = sum(stage.steps for stage in stages)
    prior = stages[0].prior[0], stages[-1].prior[1]
    span = curves(Stage("at once", 1, count, stages[0].objective, prior, (1e-3, 1e-4), (3e-3, 3e-4)))
    each_step = span.prior, span.image_rate, span.kernel_rate
    first = jax.tree.map(lambda a: a[0], batch.params)
    with jax.numpy_dtype_promotion("standard"):  # Adam multiplies Python's floats and int32 counters
        run = jax.jit(lambda params: jax.lax.scan(step, (params, optimiser.init(params)), each_step))
        (params, _), _ = run(first)
    return jax.tree.map(lambda a: np.asarray(a)[None], params)
