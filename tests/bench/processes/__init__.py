"""What the benchmarks start as processes of their own: senders, receivers, workers. Each prints one line of JSON at its end."""
