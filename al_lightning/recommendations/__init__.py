"""Which strategy the paper suggests for a pool and a budget, and the evidence."""
