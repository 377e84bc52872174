"""Who did what to what: recorded in the transaction of the change."""
