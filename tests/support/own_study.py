"""The file configs/own_study.yaml, from the CSV files in docs/study: python -m tests.support.own_study > FILE."""

from collections.abc import Iterable, Mapping

from al_lightning.results.comparison import Comparison
from tests.support.study import claims, settings
from tests.support.study_of_strategies import STARTS, gaps_of, named

HEAD = """\
# What our study found of strategies on features of a frozen encoder, for `al-lightning recommend`
# Source: the study's CSV files; python -m tests.support.own_study writes it, and a test compares it with the CSV files
# Form:   points ahead of Random with a 95 % interval, [mean, low, high]: of a first batch, with Random after it, and of
#         a strategy over the whole curve; each list corrected for all of its comparisons
"""
LITE0 = "features of EfficientNet-Lite0"
OF = (
    ("classification", f"CIFAR-10, a pool of 10,000 diverse photos, {LITE0}", 10, "starts", 10, "strategies"),
    (
        "segmentation",
        f"CamVid, 367 street frames, one a second, dense {LITE0}",
        11,
        "camvid_starts",
        12,
        "camvid_features",
    ),
)


def text() -> str:
    """The file's content."""
    lines = [HEAD + "settings:"]
    for task, data, classes, starts, first, strategies in OF:
        (methods,) = settings(starts)
        gaps = gaps_of(methods, "random", first, [each for each in STARTS if named("random", each) in methods])
        of_starts = {label.removeprefix("random_from_").removesuffix("_probe"): each for label, each in gaps.items()}
        (made,) = claims(strategies)
        of_strategies = {label.removesuffix("_probe"): each for label, each in made.items()}
        lines += [
            f"- task: {task}",
            f"  data: {data}",
            f"  labels: [{', '.join(map(str, labels_of(strategies)))}]",
            f"  classes: {classes}",
            "  starts:",
            *of(of_starts),
            "  strategies:",
            *of(of_strategies),
        ]
    return "\n".join(lines) + "\n"


def labels_of(name: str) -> Iterable[int]:
    """The numbers of labels of a file's curves."""
    (methods,) = settings(name)
    return sorted({labelled for series in methods.values() for curve in series.curves for labelled in curve.labelled})


def of(found: Mapping[str, Comparison]) -> list[str]:
    """A line for each name, in the alphabet's order."""
    return [f"    {name}: [{each.mean:.4f}, {each.low:.4f}, {each.high:.4f}]" for name, each in sorted(found.items())]


if __name__ == "__main__":
    print(text(), end="")
