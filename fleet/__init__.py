"""The same pipeline over an archive of footage, on one machine or a cluster (extra `fleet`)."""
