"""From numbers and verdicts to sentences."""
