"""Client for Label Studio, to export annotations."""

from pathlib import Path
from typing import Optional

import requests

from ...files import replace_file

TIMEOUT = 60.0
EXPORT = "api/projects/{project}/export?exportType=JSON"
REFRESH = "api/token/refresh"


def download_annotations(url: str, key: str, project: int, path: Path) -> None:
    """Export the annotated tasks of a project.

    url (str): URL of Label Studio.
    key (str): access token: a legacy token, or a personal access token.
    project (int): id of the project.
    path (Path): the JSON file to write.
    RAISES (ValueError): if the export fails.
    """
    place = f"{url.rstrip('/')}/{EXPORT.format(project=project)}"
    headers = {"Authorization": _authorize(url, key)}
    try:
        response = requests.get(place, headers=headers, timeout=TIMEOUT)
        response.raise_for_status()
    except requests.RequestException as error:
        raise ValueError(
            f"The annotations of project {project} could not be exported from {url}: "
            f"{error}. Check the address and the token."
        ) from error
    with replace_file(path) as file:
        file.write(response.content)


def _authorize(url: str, key: str) -> str:
    """Get the Authorization header. Personal access tokens are JWTs, which contain two
    dots, and have to be exchanged for another token; legacy tokens are used as is."""
    if key.count(".") != 2:
        return f"Token {key}"
    place = f"{url.rstrip('/')}/{REFRESH}"
    try:
        response = requests.post(place, json={"refresh": key}, timeout=TIMEOUT)
        response.raise_for_status()
        access: Optional[str] = response.json().get("access")
    except (requests.RequestException, ValueError) as error:
        raise ValueError(f"{url} rejected the access token: {error}.") from error
    return f"Bearer {access}"
