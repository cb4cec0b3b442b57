"""What people look at: pictures of a run for TensorBoard and for the report. All of it can be made again."""
