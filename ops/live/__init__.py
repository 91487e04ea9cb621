"""What `top` does: look at a pipeline again and again, and show what it finds."""
