"""What all packages agree on: pure functions and types, without Pulumi or I/O."""
