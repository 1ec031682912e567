"""Everything that talks to the outside; knows no settings."""
