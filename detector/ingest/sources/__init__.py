"""Where pictures come from: cameras on the network and on this machine, films, folders."""
