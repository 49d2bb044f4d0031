"""Blind deblurring of the uniformly blurred pictures of Lai et al. (CVPR 2016), scored on the studio luma.

    python experiments/lai.py data_dir=DIR [told=true] [seed=0] [workers=2] [nonblind=true] [key=value ...]

DIR holds blurry/CATEGORY_NN_kernel_NN.png, sharp/ and kernels/. Without told=true no kernel's size is told: every
picture gets `kernel.size`. With it each gets the side of its kernel's file, as the published tables do.
"""

from dataclasses import dataclass, replace

from options import run_script
from pairs import Pair, find_pairs
from runner import Case, Options, run_cases
from tables import by, rows_of, summary, write_tables

from inr_deblur.config import DeblurConfig, KernelConfig


@dataclass(frozen=True)
class LaiOptions(Options):
    """What the command line may say."""

    out: str = "outputs/lai"  # folder of the tables
    told: bool = False  # tell each kernel's size


def main(options: LaiOptions) -> int:
    """Run, write the tables, say the averages; 1 if a fit raised."""
    pairs = find_pairs(options.data_dir, options.subset)
    cases = [Case(pair, told(options.fit, pair) if options.told else options.fit) for pair in pairs]
    records, failed = run_cases(cases, options)
    rows = rows_of(records, lambda name: {"category": name.partition("_")[0], "kernel": name.rpartition("_")[2]})
    if rows:
        size = "told" if options.told else f"kernel.size={options.kernel.size}"
        plain = [r for r in rows if r["category"] != "saturated"]
        averages = [summary(rows, over="all", size=size)]
        averages += [summary(plain, over="without saturated", size=size)] if plain else []
        sections = {
            "Average": averages,
            "Per category": by(rows, "category"),
            "Per kernel": by(rows, "kernel"),
            "Per image": rows,
        }
        write_tables(options.out, "lai_told" if options.told else "lai", rows, sections)
    return int(failed > 0)


def told(config: DeblurConfig, pair: Pair) -> DeblurConfig:
    """The settings with the true kernel's size."""
    return replace(config, kernel=KernelConfig(size=pair.side))


if __name__ == "__main__":
    run_script(main, LaiOptions, __doc__)
