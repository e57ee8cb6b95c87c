"""The workshop: dataset, training, export and evaluation of the hazard model.

Nothing below this floor imports it, and a running line needs none of it: the wheel carries only
the deployed model folders beside these files.
"""
