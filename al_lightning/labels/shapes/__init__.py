"""Shapes as pixels: regions, filled polygons, and the run lengths of COCO and Label Studio. No torch."""
