import os
import urllib.request


def test_says_hello() -> None:
    with urllib.request.urlopen(os.environ["BASE_URL"], timeout=5) as response:
        assert response.read() == b"hello"
