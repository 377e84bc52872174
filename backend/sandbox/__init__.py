"""A provider inside Crossdock: an OAuth 2.0 server and an API, with switches for failure; nothing in it is real."""
