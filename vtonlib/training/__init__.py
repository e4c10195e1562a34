"""Training: one loop for every task, exact resume, moving averages, checkpoints and a log."""
