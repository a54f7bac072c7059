"""Get both sides in five minutes: news feeds in, a short fair email out.

The flow, which is also the tree of this package::

    feeds --> stories --> brief --> issue --> delivery
    (collect)  (group)    (write)  (compose)   (send)

Start reading at :mod:`newsletter.pipeline`.
"""

__version__ = "0.1.0"
