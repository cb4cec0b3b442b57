"""What a run leaves on disk: the run directory, its journal, scores, weights, checkpoints and seals."""
