"""Taking over a release that was made by hand: from its values to a stack file, and the import into Pulumi's state."""
