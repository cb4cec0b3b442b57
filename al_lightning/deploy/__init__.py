"""A trained network put to use: predictions for image files, and exported models."""
