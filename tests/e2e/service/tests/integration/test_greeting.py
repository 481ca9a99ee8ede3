import os
import urllib.request


def test_service_greets() -> None:
    with urllib.request.urlopen(os.environ["BASE_URL"], timeout=5) as response:
        assert response.read() == b"hello"
