"""`vigitri calibrate …`: calibration on site."""
