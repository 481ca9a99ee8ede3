"""Customers and their orders, a small HTTP service on PostgreSQL."""
