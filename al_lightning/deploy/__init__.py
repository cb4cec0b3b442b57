"""Use of a trained network: predictions for image files, and exported models."""
