"""Notes of strategies over many runs."""

from al_lightning.comparisons.notes import in_short


def test_each_note_is_said_once_with_the_range_of_its_numbers() -> None:
    notes = [
        ("probcover", "delta 0.5"),
        ("uherding", "coverage is that of 4,000 of 11,950 images"),
        ("probcover", "delta 0.25"),
        ("probcover", "delta 0.5, then 1e-05"),
        ("uherding", "coverage is that of 4,000 of 9,900 images"),
        ("random", "note: no weights"),
        ("margin", "note: no weights"),
    ]
    assert in_short(notes) == [
        "probcover: delta 0.25 to 0.5 (2 choices)",
        "uherding: coverage is that of 4,000 of 9,900 to 11,950 images (2 choices)",
        "probcover: delta 0.5, then 1e-05 (1 choice)",
        "random, margin: no weights (2 choices)",
    ]
    assert in_short([]) == []
