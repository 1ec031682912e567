"""Rules for previews, as a Pulumi policy pack."""
