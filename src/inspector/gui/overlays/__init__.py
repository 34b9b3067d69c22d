"""What is drawn over an image for each task: pure painting, at any zoom, off screen as well as on it."""
