"""Programs and libraries: what their headers say, and nothing is run, relocated or unpacked."""
