"""The API's documentation, served by ourselves: interactive page, guides, list of calls, Postman collection."""
