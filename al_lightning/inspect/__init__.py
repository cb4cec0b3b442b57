"""Views of pools and choices that reports, audits and TensorBoard share: maps, counts, drawings."""
