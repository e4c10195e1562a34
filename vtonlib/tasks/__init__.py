"""Tasks: where models, attention taps and losses meet, as a list of training phases."""
