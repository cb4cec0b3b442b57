"""Stored features: the outputs of a frozen network's `encode`, made once and read by many fits."""
