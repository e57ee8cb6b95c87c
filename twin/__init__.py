"""A simulated sorting line: objects, belt, camera and truth, all drawn (numpy and OpenCV alone).

Lowest floor: imports nothing else of the project. `twin.drawn.objects.draw` draws one object,
`twin.line.render.render` a whole clip with its truth. No photograph goes into any image.
"""
