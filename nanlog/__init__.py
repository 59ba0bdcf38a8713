"""nanlog: post-mortem for trainings that went NaN."""

__version__ = "0.1.0"
