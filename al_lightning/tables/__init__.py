"""The tables of the study: the runs behind each cell, published beside measured numbers."""
