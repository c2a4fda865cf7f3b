"""What both servers stand on: life cycle, errors, interceptors, health, reflection, settings, memory."""
