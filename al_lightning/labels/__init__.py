"""Labels that people give: their store, batches that go out, files that come in. No torch."""
