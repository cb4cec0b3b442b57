"""Labels by people: where they are kept, how batches leave and labels come in. No torch."""
