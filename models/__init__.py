"""The workshop: dataset, training, export and evaluation of the hazard model.

No lower layer imports it, and a running line does not need it: the wheel contains only the
deployed model folders.
"""
