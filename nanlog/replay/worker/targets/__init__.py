"""One module per framework: how a user's training is made, loaded and stepped."""
