"""Path-traced objects and belts: the kinds of `twin.drawn.objects`, as bodies in three dimensions.

Bodies, skins, settling and the strip's bundle are plain numpy; `stage` alone needs Blender as a
module (`bpy`, Python 3.11). `cutouts` makes a bank of single objects, `strips` metres of belt.
"""
