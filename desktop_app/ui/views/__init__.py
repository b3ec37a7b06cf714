"""Layout, painting and input. A view is given its view models in its constructor, listens to their signals and
calls their methods; it holds no rule of its own.
"""
