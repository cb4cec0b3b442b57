"""What runs say: curves by method and seed, statistics, comparisons, conditions. No torch."""
