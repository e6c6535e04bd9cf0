"""Networks by name, built with seeded weights instead of being downloaded."""
