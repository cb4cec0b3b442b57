"""The active-learning loop, and what only the loop needs."""
