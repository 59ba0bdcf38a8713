"""The side of a replay that imports torch and runs the user's code."""
