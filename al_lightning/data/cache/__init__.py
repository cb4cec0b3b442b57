"""Decoded images and labels in flat files, and the key that says what they were made from."""
