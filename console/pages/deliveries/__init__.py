"""Deliveries: the list, and each as a story with every attempt."""
