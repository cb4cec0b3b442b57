"""From a run's name to a checked configuration, and to the objects that it describes."""
