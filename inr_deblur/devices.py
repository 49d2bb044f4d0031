"""Members of a batch shared out among the devices there are, each device on its own.

A member is a slice of every array's leading axis and needs nothing of the others, so a device gets its slices and no
word passes between them. Left to itself, XLA's partitioner would gather whole arrays around every Fourier transform.
With one device, or one member, all this is plain `jax.vmap`; on processors a `jax.lax.map`, which is two to three times
as fast there: one member's arrays stay in the cache, and products of many small matrices at once are slow.

What is no batch, since its programs differ in size, goes in threads instead, one for each device (`side_by_side`).
"""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

EACH = PartitionSpec("members")


def mesh_for(members: int) -> Mesh | None:
    """The devices that share out so many members; None: one does it all."""
    devices = jax.devices()[:members]
    return Mesh(np.array(devices), ("members",)) if len(devices) > 1 else None


def mapped(one: Callable[..., Any], mesh: Mesh | None) -> Callable[..., Any]:
    """`one`, of a single member, for all members; within `jax.jit`."""
    batched = _in_turn(one) if jax.default_backend() == "cpu" else jax.vmap(one)
    if mesh is None:
        return batched
    return jax.shard_map(batched, mesh=mesh, in_specs=EACH, out_specs=EACH, check_vma=False)


def _in_turn(one: Callable[..., Any]) -> Callable[..., Any]:
    """As `jax.vmap`, one member after another."""
    return lambda *batch: jax.lax.map(lambda member: one(*member), batch)


def shared_out(batch: Any, mesh: Mesh | None) -> Any:
    """The batch on its devices, with its last member repeated until every device has as many."""
    if mesh is None:
        return batch

    def spread(a: Any) -> Any:
        return np.concatenate([a, np.repeat(a[-1:], -len(a) % mesh.size, 0)])

    return jax.device_put(jax.tree.map(spread, batch), NamedSharding(mesh, EACH))


def gathered(batch: Any, members: int) -> Any:
    """The batch in numpy, without what `shared_out` repeated."""
    return jax.tree.map(lambda a: a[:members], jax.device_get(batch))


def side_by_side(work: Callable[..., Any], *arguments: Collection[Any]) -> Iterator[Any]:
    """As `map`, as many at a time as there are devices, all on the first one: for work that keeps one core busy."""
    with ThreadPoolExecutor(jax.local_device_count()) as pool:
        yield from (result for *_, result in zip(*arguments, pool.map(work, *arguments), strict=True))
