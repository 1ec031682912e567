"""Programs that run while the projects' image is built, with the agents' Python: they import nothing of this repository."""
