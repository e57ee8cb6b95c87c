"""Training data: photographs, cut-outs, composites, belt strips, a site's own labels."""
