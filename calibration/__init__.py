"""Calibration on site: lens, belt plane, belt speed and operating point."""
