"""The one error of the stack: a line for the person at the terminal."""


class StackError(Exception):
    """Why the stack cannot run, in one line that says what to do about it."""
