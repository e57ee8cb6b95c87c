"""How full the belt is, and whether it jams."""
