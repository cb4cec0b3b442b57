"""What a near-duplicate is: descriptors of images, which of them are alike, and groups. No torch."""
