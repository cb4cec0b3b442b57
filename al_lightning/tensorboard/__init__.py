"""What TensorBoard shows of a run beside the training curves. The journal decides; these are views of it."""
