"""Taking over a release that was installed by hand: from its values to a stack file, and the import into Pulumi's state."""
