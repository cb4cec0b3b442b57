"""The tables of the paper: the runs behind each cell, published beside measured numbers."""
