"""vtonlib: attention-based virtual try-on, small enough to read and measured against known truth."""

__version__ = "0.1.0"
