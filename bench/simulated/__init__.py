"""Small real trainings, each over in a fraction of a second, and the logs that programs write of them."""
