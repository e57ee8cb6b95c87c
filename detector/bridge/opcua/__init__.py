"""The OPC UA server of the bridge (asyncua, extra `opcua`): variables, events and alarms."""
