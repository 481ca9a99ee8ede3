"""Caddy's counters, as its versions write them."""

from ci.analysis import Counters, read_counters


def metrics(good: int, bad: int = 0, slow: int = 0) -> str:
    """What Caddy says after so many requests; `bad` were answered with a server's error, `slow` took over 0.1 s."""
    counted = 'handler="subroute",method="GET",server="public"'
    durations = "\n".join(
        f'caddy_http_request_duration_seconds_bucket{{code="{code}",{counted},le="{bound}"}} '
        f"{count - (slow if bound == '0.1' and code == 200 else 0)}"
        for code, count in ((200, good), (502, bad))
        for bound in ("0.1", "1", "+Inf")
    )
    counts = "\n".join(
        f'caddy_http_request_duration_seconds_count{{code="{code}",{counted}}} {count}'
        for code, count in ((200, good), (502, bad))
    )
    return f"""
# HELP caddy_http_requests_total Counter of HTTP(S) requests made.
# TYPE caddy_http_requests_total counter
caddy_http_requests_total{{handler="subroute",server="public"}} {good + bad + 1}
go_goroutines 12
caddy_http_request_duration_seconds_count{{code="503",handler="static_response",method="GET",server="public"}} 1000
{durations}
{counts}
"""


def test_counters_include_requests_to_the_service_only() -> None:
    assert read_counters(metrics(good=10)).requests == 10


def test_server_errors_are_errors() -> None:
    assert read_counters(metrics(good=7, bad=3)).errors == 3


def test_buckets_are_added_up_over_codes() -> None:
    counted = read_counters(metrics(good=7, bad=3, slow=2))
    assert counted.buckets == {0.1: 8, 1.0: 10, float("inf"): 10}


def test_empty_metrics_count_no_requests() -> None:
    assert read_counters("") == Counters()


def test_replicas_are_added_up() -> None:
    both = read_counters(metrics(5)).plus(read_counters(metrics(6, 1)))
    assert (both.requests, both.errors, both.buckets[0.1]) == (12, 1, 12)


def test_window_counts_requests_after_its_start() -> None:
    window = read_counters(metrics(20, 5)).since(read_counters(metrics(9, 1)))
    assert (window.requests, window.errors, window.buckets[1.0]) == (15, 4, 15)


def test_restarted_edge_counts_from_zero() -> None:
    assert read_counters(metrics(3)).since(read_counters(metrics(100))).requests == 3
