"""A trained network in use: predictions for image files, and exported models."""
