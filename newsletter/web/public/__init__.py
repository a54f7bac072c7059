"""The pages anybody may read: pure functions from frozen data to HTML, XML and text.

``story``, ``issues``, ``method`` and ``reports`` word one kind of page each, with the templates
that :class:`newsletter.web.public.pages.Pages` fills in. Nothing here touches the database or the
network; the application loads, these show.
"""
