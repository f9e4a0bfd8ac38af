"""Other people's frameworks: thin modules, each of which needs an extra."""
