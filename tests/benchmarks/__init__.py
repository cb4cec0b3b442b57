"""How long things take, as ratios within one process: `make bench`. No part of the test suite."""
