"""The back end of Crossdock: services, the public HTTP API and the delivery worker."""

__version__ = "0.1.0"
