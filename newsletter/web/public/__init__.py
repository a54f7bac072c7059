"""The pages anybody may read: pure functions from frozen data to HTML, XML and text.

``pages`` knows the templates, ``story``, ``issues``, ``method`` and ``reports`` word one kind of
page each. Nothing here touches the database or the network; the application loads, these show.
"""
