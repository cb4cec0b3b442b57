"""A conformance kit: checks that any strategy, also a user's own, does what every strategy must do.

In a test file:

    from al_lightning.acquisition.testing import check_strategy

    def test_margin():
        check_strategy(Margin)  # with options: check_strategy(lambda: Margin(power=2))

It takes a second or two on a CPU, and needs neither data nor a trained network.
"""

from al_lightning.acquisition.testing.checks import check_strategy
from al_lightning.acquisition.testing.networks import TinyClassifier, TinySegmenter
from al_lightning.acquisition.testing.trial import ConformanceError

__all__ = ["ConformanceError", "TinyClassifier", "TinySegmenter", "check_strategy"]
