"""What a run leaves on disk: its directory, journal, scores, weights, checkpoints and seals."""
