"""The test set that is held out."""

from collections import Counter

from al_lightning.data.datasets.bases import hold_out


def test_hold_out_is_stratified_and_leaves_something_of_every_group():
    groups = [0] * 10 + [1] * 5 + [2] * 2 + [3]
    kept, held = hold_out(groups, 0.2)
    assert Counter(groups[position] for position in held) == {0: 2, 1: 1, 2: 1}
    assert Counter(groups[position] for position in kept) == {0: 8, 1: 4, 2: 1, 3: 1}
    assert sorted(kept + held) == list(range(18))
    assert (kept, held) == hold_out(groups, 0.2)
    assert kept == sorted(kept)


def test_hold_out_of_sequences_takes_their_last_frames():
    sequence = [0, 1, 0, 1, 0, 0, 0]
    frame = [50, 2, 10, 1, 40, 20, 30]
    assert hold_out(sequence, 0.4, frame) == ([2, 3, 5, 6], [0, 1, 4])
