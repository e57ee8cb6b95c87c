"""Path-traced objects and belts: the kinds of `twin.drawn.objects` as three-dimensional bodies.

Bodies, skins, settling and the strip's bundle are plain numpy; only `stage` and `materials` need
Blender as a module (`bpy`, Python 3.11). `cutouts` renders a bank of single objects, `strips`
metres of belt.
"""
