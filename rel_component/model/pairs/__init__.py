"""The pair model: vectors of two entities and features of the pair."""
