"""Group: articles about one event become one story, with an id that stays."""
