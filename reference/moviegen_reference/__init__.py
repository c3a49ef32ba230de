"""Movie Gen's models in PyTorch: the independent reference of this repository, and its training code.

Nothing here is needed to run the library; it makes the fixtures and the shipped checkpoint, and judges videos.
"""
