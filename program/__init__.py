"""From settings to the components, and everything else that a run needs."""
