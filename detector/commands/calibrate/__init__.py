"""`vigitri calibrate …`: what a person does once, on site."""
