"""Pixels that somebody marked: regions, polygons that are filled, and the run lengths of two tools. No torch."""
