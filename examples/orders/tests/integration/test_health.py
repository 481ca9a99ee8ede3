import httpx2 as httpx


def test_it_is_healthy(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/livez").json() == {"status": "ok"}


def test_it_says_what_it_is(client: httpx.Client) -> None:
    version = client.get("/version").json()
    assert version.keys() == {"version", "features"}
    assert version["version"]
