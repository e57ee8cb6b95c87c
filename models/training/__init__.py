"""Training, adapting to a site, and the recipes."""
