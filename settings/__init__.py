"""The stack's configuration: typed, immutable, and every mistake in it reported together."""

from settings.errors import Problem, SettingsError
from settings.load import RawValue, parse
from settings.stack import Settings

__all__ = ["Problem", "RawValue", "Settings", "SettingsError", "parse"]
