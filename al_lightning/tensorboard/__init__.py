"""What TensorBoard shows of a run beside the training curves."""
