"""`al-lightning compare`: strategies over many seeds on stored features, and the answer in words."""
