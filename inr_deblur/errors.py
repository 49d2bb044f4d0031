"""The one exception that a user is meant to read."""


class InputError(ValueError):
    """Something the caller gave can't be used; the message is one sentence that says what to do about it."""
