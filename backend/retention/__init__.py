"""How long logs are kept, and their removal afterwards."""
