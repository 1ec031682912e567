"""Rules that previews run with, as a Pulumi policy pack."""
