"""The command line: arguments, dispatch, help."""
