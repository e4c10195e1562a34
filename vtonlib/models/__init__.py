"""Networks. They know nothing of losses, schedules or training."""
