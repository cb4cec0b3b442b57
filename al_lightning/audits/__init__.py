"""The audit: duplicates, leakage, redundancy, and broken files or labels in a dataset."""
