"""What a model learns from: photographs, cut-outs, composites, belt strips, a site's own labels."""
