import os
import urllib.request


def test_release_answers() -> None:
    with urllib.request.urlopen(os.environ["BASE_URL"], timeout=5) as response:
        assert response.status == 200
