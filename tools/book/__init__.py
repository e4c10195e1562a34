"""The book as a machine: what every page has to keep, read from its files without running anything."""
