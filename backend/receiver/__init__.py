"""The built-in receiver: inbox URLs that show what arrives and answer as they are told to."""
