"""tinytrain for nanlog: a dialect and a rule."""
