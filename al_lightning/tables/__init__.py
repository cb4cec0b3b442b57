"""The tables of the study: the runs behind each cell, what is missing, and published beside measured numbers."""
