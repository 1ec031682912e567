"""Drills: kills and faults at chosen moments of real runs, and what became of the agents and the release."""
