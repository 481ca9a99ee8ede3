"""Service: containers and host ports that steps talk to by name."""

import asyncio
import socket
import urllib.request
from collections.abc import AsyncIterator, Callable

import anyio
import dagger
import pytest
import pytest_asyncio
from dagger import dag

C = dagger.Container
FETCH = ["wget", "-q", "-O-", "http://www:8080/index.html"]


@pytest.fixture
def web(base: C, unique: Callable[[], str]) -> tuple[dagger.Service, str]:
    """A web server that nothing started before, and the text that it serves."""
    text = unique()
    container = base.with_new_file("/srv/index.html", text).with_exposed_port(8080)
    return container.as_service(args=["httpd", "-f", "-p", "8080", "-h", "/srv"]), text


@pytest_asyncio.fixture(loop_scope="session")
async def host_port() -> AsyncIterator[int]:
    """A server on this machine's loopback address that answers every line with its capitals."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def fetch(url: str) -> str:
    def get() -> str:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - an address that the case made
            return str(response.read().decode())

    return await anyio.to_thread.run_sync(get)


async def test_binding(base: C, web: tuple[dagger.Service, str]) -> None:
    service, text = web
    assert await base.with_service_binding("www", service).with_exec(FETCH).stdout() == text


async def test_several_steps_use_one_service(base: C, web: tuple[dagger.Service, str]) -> None:
    bound = base.with_service_binding("www", web[0])
    outputs = [await bound.with_env_variable("N", str(n)).with_exec(FETCH).stdout() for n in range(3)]
    assert outputs == [web[1]] * 3


async def test_a_binding_outlives_its_step(base: C, web: tuple[dagger.Service, str]) -> None:
    bound = base.with_service_binding("www", web[0]).with_exec(["true"]).with_exec(FETCH)
    assert await bound.stdout() == web[1]


async def test_a_service_uses_another(base: C, web: tuple[dagger.Service, str]) -> None:
    front = (
        base.with_service_binding("www", web[0])
        .with_exposed_port(9090)
        .as_service(args=["sh", "-c", f"mkdir /got; {' '.join(FETCH)} > /got/x; exec httpd -f -p 9090 -h /got"])
    )
    back = base.with_service_binding("front", front).with_exec(["wget", "-q", "-O-", "http://front:9090/x"])
    assert await back.stdout() == web[1]


async def test_one_name_for_different_services_at_once(base: C, unique: Callable[[], str]) -> None:
    found: dict[str, str] = {}

    async def run(text: str) -> None:
        server = base.with_new_file("/srv/index.html", text).with_exposed_port(8080)
        service = server.as_service(args=["httpd", "-f", "-p", "8080", "-h", "/srv"])
        found[text] = await base.with_service_binding("www", service).with_exec(FETCH).stdout()

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(run, unique())
    assert all(text == output for text, output in found.items())


async def test_start_endpoint_stop(web: tuple[dagger.Service, str], base: C) -> None:
    service, text = web
    started = await service.start()
    endpoint = await started.endpoint(scheme="http")
    assert endpoint.startswith("http://")
    assert endpoint.endswith(":8080")
    assert await base.with_service_binding("www", service).with_exec(FETCH).stdout() == text
    await started.stop()


async def test_endpoint_of_a_port(base: C) -> None:
    container = base.with_exposed_port(8080).with_exposed_port(9090, experimental_skip_healthcheck=True)
    service = container.as_service(args=["httpd", "-f", "-p", "8080"])
    assert (await service.endpoint(port=9090)).endswith(":9090")
    assert (await service.endpoint()).endswith(":8080")


async def test_endpoint_without_ports_is_an_error(base: C) -> None:
    with pytest.raises(dagger.QueryError, match="no ports exposed"):
        await base.as_service(args=["sleep", "60"]).endpoint()


async def test_ports(web: tuple[dagger.Service, str]) -> None:
    ports = await web[0].ports()
    assert [await port.port() for port in ports] == [8080]


async def test_hostname(base: C, web: tuple[dagger.Service, str], unique: Callable[[], str]) -> None:
    name = f"host-{unique()[:8]}"
    named = web[0].with_hostname(name)
    assert await named.hostname() == name
    await named.start()
    url = f"http://{name}:8080/index.html"
    assert await base.with_service_binding("x", named).with_exec(["wget", "-q", "-O-", url]).stdout() == web[1]
    await named.stop()


async def test_health_check_waits_for_the_port(base: C) -> None:
    slow = base.with_exposed_port(8080).as_service(args=["sh", "-c", "sleep 2; exec httpd -f -p 8080 -h /etc"])
    step = base.with_service_binding("www", slow).with_exec(["wget", "-q", "-O-", "http://www:8080/passwd"])
    assert "root:" in await step.stdout()


async def test_a_service_that_exits_is_an_error(base: C) -> None:
    broken = base.with_exposed_port(8080).as_service(args=["sh", "-c", "echo said why >&2; exit 3"])
    with pytest.raises(dagger.QueryError, match=r"exit code: 3|exited with 3"):
        await broken.start()


async def test_entrypoint_of_a_service(base: C) -> None:
    container = base.with_entrypoint(["httpd", "-f"]).with_default_args(["-p", "8080", "-h", "/etc"])
    exposed, command = container.with_exposed_port(8080), ["httpd", "-f", "-p", "8080", "-h", "/etc"]
    for service in (exposed.as_service(use_entrypoint=True), exposed.as_service(args=command)):
        bound = base.with_service_binding("www", service)
        step = bound.with_exec(["wget", "-q", "-O-", "http://www:8080/passwd"])
        assert "root:" in await step.stdout()


async def test_variables_and_mounts_of_a_service(base: C, tree: dagger.Directory) -> None:
    container = base.with_mounted_directory("/srv", tree).with_env_variable("PORT", "8080").with_exposed_port(8080)
    service = container.as_service(args=["sh", "-c", "exec httpd -f -p $PORT -h /srv"])
    step = base.with_service_binding("www", service).with_exec(["wget", "-q", "-O-", "http://www:8080/sub/c.txt"])
    assert await step.stdout() == "c"


async def test_a_cache_volume_is_shared_with_a_service(base: C, unique: Callable[[], str]) -> None:
    cache = dag.cache_volume(unique())
    await base.with_mounted_cache("/srv", cache).with_exec(["sh", "-c", "echo here > /srv/index.html"]).sync()
    server = base.with_mounted_cache("/srv", cache).with_exposed_port(8080)
    service = server.as_service(args=["httpd", "-f", "-p", "8080", "-h", "/srv"])
    assert await base.with_service_binding("www", service).with_exec(FETCH).stdout() == "here\n"


async def test_host_service(base: C, host_port: int) -> None:
    service = dag.host().service([dagger.PortForward(frontend=7000, backend=host_port)])
    step = base.with_service_binding("upper", service).with_exec(["sh", "-c", "echo hello | nc upper 7000"])
    assert await step.stdout() == "HELLO\n"


async def test_tunnel(web: tuple[dagger.Service, str]) -> None:
    tunnel = await dag.host().tunnel(web[0]).start()
    assert await fetch(await tunnel.endpoint(scheme="http") + "/index.html") == web[1]
    await tunnel.stop()


async def test_tunnel_on_a_port_of_choice(web: tuple[dagger.Service, str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tunnel = await dag.host().tunnel(web[0], ports=[dagger.PortForward(frontend=port, backend=8080)]).start()
    assert await fetch(f"http://127.0.0.1:{port}/index.html") == web[1]
    await tunnel.stop()


async def test_up(web: tuple[dagger.Service, str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: web[0].up(ports=[dagger.PortForward(frontend=port, backend=8080)]))
        with anyio.fail_after(30):
            while True:
                try:
                    text = await fetch(f"http://127.0.0.1:{port}/index.html")
                except OSError:
                    await anyio.sleep(0.2)
                else:
                    break
        assert text == web[1]
        group.cancel_scope.cancel()
