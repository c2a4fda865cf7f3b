"""What can't be isn't emitted, or carries a Problem: checks by kind, after every reader and the same for all of them."""
