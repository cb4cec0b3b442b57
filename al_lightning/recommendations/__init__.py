"""Which strategy the study suggests for a pool and a budget, and the evidence."""
