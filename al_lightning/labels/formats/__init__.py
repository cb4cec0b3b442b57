"""The label formats that can be imported or written, a file each."""
