"""From tracks and overload to alarms with the states of ISA-18.2."""
