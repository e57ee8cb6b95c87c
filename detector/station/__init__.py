"""The operators' station: a web page on a store, fed over the wire like any other subscriber."""
