"""A sample day: invented outlets, their articles, and a loopback server that publishes them."""

from newsletter.sample.day import SampleArticle, load_articles, load_sources
from newsletter.sample.server import SampleServer

__all__ = ["SampleArticle", "SampleServer", "load_articles", "load_sources"]
