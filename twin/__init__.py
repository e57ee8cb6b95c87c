"""A simulated sorting line: things, belt, camera and truth, all drawn (numpy and OpenCV alone).

Lowest floor: imports nothing else of the project. `twin.drawn.objects.draw` draws one thing,
`twin.line.render.render` a whole clip with its truth. No photograph goes into any picture.
"""
