"""What all rooms agree on: pure, without Pulumi, input or output."""
