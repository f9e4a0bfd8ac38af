"""Libraries that the main job does without."""


def get_command(extra: str) -> str:
    """RETURNS (str): how an extra of this package is installed; the package itself
    stands in no index."""
    return f"pip install -e '.[{extra}]' in the project's folder"
