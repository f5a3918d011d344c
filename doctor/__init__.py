"""What is wrong, what will be, and why a window has not closed, in words."""
