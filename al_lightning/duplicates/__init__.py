"""What a near-duplicate is: a descriptor of an image, and which descriptors are alike."""
