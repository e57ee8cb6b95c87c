"""Image sources: network cameras, local cameras, videos, image folders."""
