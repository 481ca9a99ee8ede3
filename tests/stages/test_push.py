"""What a registry says is no help by itself."""

import pytest

from ci.stages.push import _advice


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "CA"),
        ("unauthorized: authentication required", "--registry-user"),
        ("no basic auth credentials", "--registry-password"),
        ("dial tcp 10.0.0.1:443: connect: connection refused", "is the registry running"),
    ],
)
def test_what_to_do_next(said: str, advice: str) -> None:
    assert advice in _advice(said)
