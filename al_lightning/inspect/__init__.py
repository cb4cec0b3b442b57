"""Views of pools, choices and predictions: counts, mode collapse, overlap, embedding maps, overlays."""
