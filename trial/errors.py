"""The one error that the user of the trial sees."""


class TrialError(Exception):
    """Something the user can act on, as one sentence (log lines may follow it); printed without a traceback."""
