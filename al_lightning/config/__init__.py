"""From a run's name to a checked configuration and the objects that it describes."""
