"""The stack's configuration: typed, immutable, and with every mistake reported at once."""

from settings.errors import Problem, SettingsError
from settings.load import RawValue, parse
from settings.stack import Settings

__all__ = ["Problem", "RawValue", "Settings", "SettingsError", "parse"]
