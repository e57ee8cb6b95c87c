"""Both trainings from one packed data file, on whatever accelerator there is."""
