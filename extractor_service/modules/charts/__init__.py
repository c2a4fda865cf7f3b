"""Aspects between two sets of charts: a module that needs nothing of the service but the interface of modules."""
