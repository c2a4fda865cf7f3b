"""Parsing in isolated processes: a template that forks workers, and the pool that feeds them.

The front process never parses; a worker never imports gRPC. What crosses between them is small: a job as JSON with
an open descriptor, and encoded results.
"""
