"""The pair model: score pairs based on entity vectors and pair features."""
