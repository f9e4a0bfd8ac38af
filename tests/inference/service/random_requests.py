"""Requests made at random from the API's description."""

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS, load_all_checks

load_all_checks()
WANTED = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
    ]
)


def check_requests(url, method, path, mode, max_examples=25):
    """Fail if one makes the service fail, or is answered otherwise than described."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    strategy = schema[path][method].as_strategy(generation_mode=mode)

    @settings(max_examples=max_examples, suppress_health_check=list(HealthCheck))
    @given(case=strategy)
    def check(case):
        case.call_and_validate(checks=WANTED)

    check()
