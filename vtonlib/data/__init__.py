"""The try-on world with known correspondence, and folders of real images."""
