"""From tracks and line states to alarms with the states of ISA-18.2."""
