"""The tables of the study as data: the runs behind each cell, what is missing, and published beside measured numbers."""
