"""The sentence of each verdict, and of the rule."""

import pytest

from al_lightning.results.comparison import RULE, Comparison, sentences


def found(mean, half, smallest, seeds=3, **more):
    by_seed = tuple((seed, mean) for seed in range(seeds))
    return Comparison("entropy", "random", by_seed, mean, mean - half, mean + half, smallest=smallest, tests=1, **more)


@pytest.mark.parametrize(
    ("one", "verdict", "text"),
    [
        (
            found(1.2, 0.8, 1.1, p=0.01),
            "ahead",
            "entropy is ahead of random by 1.2 points of mIoU (95 % interval 0.4 to 2.0, 3 seeds)",
        ),
        (
            found(-1.2, 0.8, 1.1, p=0.01),
            "behind",
            "entropy is behind random by 1.2 points of mIoU (95 % interval -2.0 to -0.4, 3 seeds)",
        ),
        (
            found(0.1, 0.6, 1.1),
            "not distinguishable",
            "entropy is not distinguishable from random: 0.1 points of mIoU (95 % interval -0.5 to 0.7, 3 seeds), "
            "within 1 point",
        ),
        (
            found(0.5, 0.7, 0.9),
            "not distinguishable",
            "entropy is not distinguishable from random: 0.5 points of mIoU (95 % interval -0.2 to 1.2, 3 seeds), "
            "differences of 0.9 points or more would have shown with 80 % probability",
        ),
        (
            found(-0.5, 0.7, 1.1),
            "cannot tell",
            "entropy against random: cannot tell with 3 seeds: -0.5 points of mIoU (95 % interval -1.2 to 0.2); "
            "differences of 1.1 points or more would have shown with 80 % probability",
        ),
        (
            found(-0.3, 1.6, 2.1),
            "cannot tell",
            "entropy against random: cannot tell with 3 seeds: -0.3 points of mIoU (95 % interval -1.9 to 1.3); "
            "differences of 2.1 points or more would have shown with 80 % probability",
        ),
        (
            found(-0.3, 1.6, 2.1, pooled=True),
            "cannot tell",
            "entropy against random: cannot tell with 3 seeds: -0.3 points of mIoU (95 % interval -1.9 to 1.3, "
            "assuming equal noise of all methods); differences of 2.1 points or more would have shown with 80 % "
            "probability",
        ),
        (
            found(0.1, 0.6, 1.1, pooled=True),
            "not distinguishable",
            "entropy is not distinguishable from random: 0.1 points of mIoU (95 % interval -0.5 to 0.7, 3 seeds, "
            "assuming equal noise of all methods), within 1 point",
        ),
        (
            found(-1.2, 0.8, 1.1, p=0.01, pooled=True, place="at 300 labels"),
            "behind",
            "entropy is behind random by 1.2 points of mIoU at 300 labels (95 % interval -2.0 to -0.4, 3 seeds, "
            "assuming equal noise of all methods)",
        ),
        (
            found(0.97, 0.6, 1.1, p=0.01),
            "ahead",
            "entropy is ahead of random by 0.97 points of mIoU, less than 1 point (95 % interval 0.37 to 1.57, 3 "
            "seeds)",
        ),
        (
            found(0.996, 0.6, 1.1, p=0.01),
            "ahead",
            "entropy is ahead of random by 0.996 points of mIoU, less than 1 point (95 % interval 0.396 to 1.596, 3 "
            "seeds)",
        ),
        (
            found(1.0, 0.6, 1.1, p=0.01),
            "ahead",
            "entropy is ahead of random by 1.0 points of mIoU (95 % interval 0.4 to 1.6, 3 seeds)",
        ),
        (
            found(0.17, 0.164, 0.2, p=0.04),
            "ahead",
            "entropy is ahead of random by 0.17 points of mIoU, less than 1 point (95 % interval 0.01 to 0.33, 3 "
            "seeds)",
        ),
    ],
)  # fmt: skip
def test_each_verdict_has_its_sentence(one, verdict, text):
    assert one.verdict.value == verdict
    assert one.sentence("mIoU") == text


def test_the_rule_states_its_numbers_and_the_assumption():
    said = ("at most 5 %", "From 5 seeds", "With 2 to 4 seeds", "assume equal noise", "differences of 1 point would")
    assert all(f" {fact} " in RULE for fact in (*said, "the number of comparisons alone", "80 % probability,"))


def test_methods_of_one_seed_are_named_once_and_many_only_counted():
    alone = [Comparison(name, "random", ((0, 1.0),), 1.0) for name in ("a", "b", "c", "d", "e")]
    assert sentences([]) == []
    assert sentences(alone[:1], "mIoU") == [alone[0].sentence("mIoU")]
    whole = found(1.2, 0.8, 1.1, p=0.01)
    assert sentences([alone[0], whole, alone[1]]) == [
        whole.sentence(),
        "One seed shows nothing certain: no verdict on a and b",
    ]
    assert sentences(alone) == ["One seed shows nothing certain: no verdict on 5 methods"]


def test_a_brief_sentence_leaves_to_the_table_what_would_have_shown():
    for one in (found(0.5, 0.7, 0.9), found(-0.5, 0.7, 1.1)):
        assert one.sentence("mIoU").startswith(one.sentence("mIoU", brief=True))
        assert "would have shown" not in one.sentence("mIoU", brief=True)
        assert "would have shown" in one.sentence("mIoU")
