"""From settings to the components, and what a run needs around them."""
