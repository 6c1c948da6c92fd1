"""What operators see: logs, health."""
