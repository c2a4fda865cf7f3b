"""What keeps a worker that a hostile file has taken over from doing anything but answering.

`jail` is entered before the first byte of a file is read; `profile` has the table of what each kind of worker may do.
"""
