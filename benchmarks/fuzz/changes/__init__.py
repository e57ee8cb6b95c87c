"""Random changes of valid input: of bytes, and of documents with their structure kept."""
