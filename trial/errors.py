"""The error that the trial reports to its user."""


class TrialError(Exception):
    """Something the user can act on, as one sentence (log lines may follow it); printed without a traceback."""
