"""From a checkpoint to the model folder that a line runs."""
