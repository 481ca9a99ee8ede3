"""Container: configuration, steps, mounts, files in and out, images."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagger
import pytest
from dagger import dag

C = dagger.Container


def sh(script: str) -> Callable[[C], C]:
    return lambda container: container.with_exec(["sh", "-c", script])


# Steps


async def test_stdout_and_stderr_are_of_the_last_step(base: C) -> None:
    last = base.with_(sh("echo first")).with_(sh("echo out; echo err >&2"))
    assert await last.stdout() == "out\n"
    assert await last.stderr() == "err\n"


async def test_combined_output_holds_both(base: C) -> None:
    assert await base.with_(sh("echo out; sleep 0.1; echo err >&2")).combined_output() == "out\nerr\n"


async def test_exit_code_is_zero(base: C) -> None:
    assert await base.with_exec(["true"]).exit_code() == 0


@pytest.mark.parametrize("expect", [dagger.ReturnType.ANY, dagger.ReturnType.FAILURE])
async def test_expected_failure_keeps_code_and_output(base: C, expect: dagger.ReturnType) -> None:
    failed = base.with_exec(["sh", "-c", "echo out; echo err >&2; echo kept > /kept; exit 3"], expect=expect)
    assert await failed.exit_code() == 3
    assert await failed.stdout() == "out\n"
    assert await failed.stderr() == "err\n"
    assert await failed.file("/kept").contents() == "kept\n"


async def test_a_step_goes_on_after_an_expected_failure(base: C) -> None:
    failed = base.with_exec(["sh", "-c", "echo kept > /kept; exit 3"], expect=dagger.ReturnType.ANY)
    assert await failed.with_exec(["cat", "/kept"]).stdout() == "kept\n"


@pytest.mark.parametrize("field", ["stdout", "stderr", "combined_output", "exit_code"])
async def test_there_is_no_output_without_a_step(base: C, field: str) -> None:
    with pytest.raises(dagger.QueryError, match="no command has been set"):
        await getattr(base.with_default_args(["echo", "hello"]), field)()


async def test_arguments_are_passed_unchanged(base: C) -> None:
    words = ["a b", "$HOME", "'", '"', "", "\n", "ü", "--x=y"]
    assert await base.with_exec(["printf", "[%s]", *words]).stdout() == "".join(f"[{word}]" for word in words)


async def test_expand_replaces_variables_in_arguments(base: C) -> None:
    named = base.with_env_variable("NAME", "world")
    assert await named.with_exec(["echo", "hello $NAME ${NAME}"], expand=True).stdout() == "hello world world\n"


async def test_stdin(base: C) -> None:
    assert await base.with_exec(["cat"], stdin="typed\nlines").stdout() == "typed\nlines"


async def test_no_stdin_is_empty(base: C) -> None:
    assert await base.with_exec(["cat"]).stdout() == ""


async def test_redirect_stdin(base: C) -> None:
    assert await base.with_new_file("/in", "from file").with_exec(["cat"], redirect_stdin="/in").stdout() == "from file"


async def test_redirect_stdout_and_stderr(base: C) -> None:
    step = base.with_exec(["sh", "-c", "echo out; echo err >&2"], redirect_stdout="/out", redirect_stderr="/err")
    assert await step.file("/out").contents() == "out\n"
    assert await step.file("/err").contents() == "err\n"


async def test_redirect_is_relative_to_the_workdir(base: C) -> None:
    step = base.with_(sh("mkdir /work")).with_workdir("/work").with_exec(["echo", "out"], redirect_stdout="out.txt")
    assert await step.file("/work/out.txt").contents() == "out\n"


async def test_large_output_is_whole(base: C) -> None:
    output = await base.with_(sh("seq 1 100000")).stdout()
    assert output.split() == [str(number) for number in range(1, 100001)]


async def test_output_that_is_not_text(base: C) -> None:
    assert await base.with_exec(["printf", r"a\377b"]).stdout() == "a\ufffdb"


async def test_a_step_sees_files_of_the_step_before(base: C) -> None:
    assert await base.with_(sh("echo 1 > /file")).with_(sh("rm /file; ls /file || echo gone")).stdout() == "gone\n"


async def test_sync_and_await_run_the_container(base: C) -> None:
    assert await (await base.with_exec(["echo", "x"]).sync()).stdout() == "x\n"
    assert await (await base.with_exec(["echo", "x"])).stdout() == "x\n"


async def test_steps_are_pid_namespaced_and_have_proc(base: C) -> None:
    assert await base.with_exec(["test", "-r", "/proc/self/status"]).exit_code() == 0


async def test_nesting_is_refused_by_name(base: C, *, local: bool) -> None:
    nested = base.with_exec(["true"], experimental_privileged_nesting=True)
    if local:
        with pytest.raises(dagger.QueryError, match=r"experimentalPrivilegedNesting.*Dagger engine"):
            await nested.sync()
    else:
        await nested.sync()


async def test_annotations_are_refused_by_name(base: C, *, local: bool) -> None:
    annotated = base.with_annotation("org.example", "x")
    if local:
        with pytest.raises(dagger.QueryError, match=r"withAnnotation.*Dagger engine"):
            await annotated.sync()
    else:
        await annotated.sync()


async def test_another_platform_is_refused_by_name(*, local: bool) -> None:
    other = dag.container(platform=dagger.Platform("linux/s390x")).with_new_file("/x", "x")
    if local:
        with pytest.raises(dagger.QueryError, match=r"linux/s390x.*Dagger engine"):
            await other.sync()
    else:
        await other.sync()


# Configuration


async def test_environment_variables(base: C) -> None:
    container = base.with_env_variable("A", "1").with_env_variable("B", "$A").with_env_variable("A", "2")
    assert await container.env_variable("A") == "2"
    assert await container.env_variable("B") == "$A"
    assert await container.env_variable("MISSING") is None
    assert await container.with_(sh('echo "$A $B"')).stdout() == "2 $A\n"
    names = [await variable.name() for variable in await container.env_variables()]
    assert {"A", "B", "PATH"} <= set(names)


async def test_environment_variable_expands(base: C) -> None:
    container = base.with_env_variable("DIR", "/opt").with_env_variable("PATH", "$DIR/bin:${PATH}", expand=True)
    assert (await container.env_variable("PATH") or "").startswith("/opt/bin:/")


async def test_environment_variable_empty_and_removed(base: C) -> None:
    container = base.with_env_variable("EMPTY", "").with_env_variable("GONE", "x").without_env_variable("GONE")
    assert await container.env_variable("EMPTY") == ""
    assert await container.with_(sh("echo ${EMPTY-unset} ${GONE-unset}")).stdout() == "unset\n"


async def test_image_variable_can_be_removed() -> None:
    python = dag.container().from_("python:3.13-slim").without_env_variable("PYTHON_VERSION")
    assert await python.env_variable("PYTHON_VERSION") is None


async def test_workdir_is_made_and_relative_to_the_one_before(base: C) -> None:
    container = base.with_workdir("/work").with_workdir("sub")
    assert await container.workdir() == "/work/sub"
    assert await container.with_exec(["pwd"]).stdout() == "/work/sub\n"
    assert await container.without_workdir().with_exec(["pwd"]).stdout() == "/\n"


async def test_user(base: C) -> None:
    container = base.with_user("1000:1001")
    assert await container.user() == "1000:1001"
    assert await container.with_(sh("id -u; id -g")).stdout() == "1000\n1001\n"
    assert await container.without_user().with_exec(["id", "-u"]).stdout() == "0\n"


async def test_home_is_the_users(base: C) -> None:
    assert await base.with_(sh("echo $HOME")).stdout() == "/root\n"
    assert await base.with_user("4321").with_(sh("echo $HOME")).stdout() == "/\n"


async def test_user_by_name() -> None:
    python = dag.container().from_("python:3.13-slim").with_user("nobody")
    assert await python.with_exec(["id", "-un"]).stdout() == "nobody\n"


async def test_entrypoint_and_default_args(base: C) -> None:
    container = base.with_entrypoint(["echo", "entry"]).with_default_args(["args"])
    assert await container.entrypoint() == ["echo", "entry"]
    assert await container.default_args() == ["args"]
    assert await container.with_exec([], use_entrypoint=True).stdout() == "entry args\n"
    assert await container.with_exec(["more"], use_entrypoint=True).stdout() == "entry more\n"
    assert await container.with_exec(["echo", "alone"]).stdout() == "alone\n"


async def test_entrypoint_resets_default_args(base: C) -> None:
    container = base.with_default_args(["args"])
    assert await container.with_entrypoint(["echo"]).default_args() == []
    assert await container.with_entrypoint(["echo"], keep_default_args=True).default_args() == ["args"]
    assert await container.with_entrypoint(["echo"]).without_entrypoint().entrypoint() == []
    assert await container.without_default_args().default_args() == []


async def test_labels(base: C) -> None:
    container = base.with_label("b", "2").with_label("a", "1").with_label("gone", "x").without_label("gone")
    assert await container.label("a") == "1"
    assert await container.label("gone") is None
    found = {await label.name(): await label.value() for label in await container.labels()}
    assert found["a"] == "1"
    assert found["b"] == "2"
    assert "gone" not in found


async def test_exposed_ports(base: C) -> None:
    udp = dagger.NetworkProtocol.UDP
    container = base.with_exposed_port(80, description="web").with_exposed_port(53, protocol=udp)
    ports = await container.exposed_ports()
    assert {(await port.port(), await port.protocol()) for port in ports} == {
        (80, dagger.NetworkProtocol.TCP),
        (53, udp),
    }
    left = await container.without_exposed_port(80).exposed_ports()
    assert [await port.port() for port in left] == [53]


async def test_docker_healthcheck(base: C) -> None:
    container = base.with_docker_healthcheck(["true"], interval="5s", timeout="3s", retries=4)
    healthcheck = container.docker_healthcheck()
    assert await healthcheck.args() == ["true"]
    assert await healthcheck.retries() == 4
    assert await healthcheck.interval() == "5s"


async def test_platform(base: C) -> None:
    assert await base.platform() == await dag.default_platform()
    assert str(await dag.default_platform()).startswith("linux/")


async def test_image_ref_is_pinned() -> None:
    ref = await dag.container().from_("busybox:1").image_ref()
    assert ref.startswith("docker.io/library/busybox:1@sha256:")


async def test_configuration_outlives_steps(base: C) -> None:
    container = base.with_label("a", "1").with_workdir("/w").with_entrypoint(["sh"]).with_exec(["true"])
    assert await container.label("a") == "1"
    assert await container.workdir() == "/w"
    assert await container.entrypoint() == ["sh"]


async def test_steps_do_not_change_the_configuration(base: C) -> None:
    container = base.with_user("1000").with_exec(["true"], use_entrypoint=False)
    assert await container.user() == "1000"
    assert await container.default_args() == await base.default_args()


# Mounts


async def test_mounted_directory_is_writable_and_kept_between_steps(base: C, tree: dagger.Directory) -> None:
    container = base.with_mounted_directory("/mnt", tree).with_(sh("echo new > /mnt/new; rm /mnt/a.txt"))
    assert await container.with_(sh("cd /mnt; ls")).stdout() == "b.md\nnew\nsub\n"
    assert await container.directory("/mnt").entries() == ["b.md", "new", "sub/"]
    assert await tree.entries() == ["a.txt", "b.md", "sub/"]


async def test_mounts_are_listed_and_removed(base: C, tree: dagger.Directory) -> None:
    container = base.with_mounted_directory("/mnt", tree).with_mounted_temp("/scratch")
    assert sorted(await container.mounts()) == ["/mnt", "/scratch"]
    assert await container.without_mount("/mnt").mounts() == ["/scratch"]
    assert await container.without_mount("/mnt").with_(sh("ls /mnt | wc -l")).stdout() == "0\n"


async def test_mounted_directory_stays_out_of_the_rootfs(base: C, tree: dagger.Directory) -> None:
    container = base.with_mounted_directory("/mnt", tree).with_exec(["true"])
    assert await container.without_mount("/mnt").rootfs().glob("mnt/*") == []


async def test_read_only_mount_refuses_writes(base: C, tree: dagger.Directory) -> None:
    container = base.with_mounted_directory("/mnt", tree, read_only=True)
    shown = container.with_(sh("cat /mnt/a.txt; touch /mnt/x 2>/dev/null || echo refused"))
    assert await shown.stdout() == "arefused\n"


async def test_mounted_file(base: C, tree: dagger.Directory) -> None:
    container = base.with_mounted_file("/etc/a", tree.file("a.txt"))
    assert await container.with_exec(["cat", "/etc/a"]).stdout() == "a"
    assert await container.file("/etc/a").contents() == "a"
    assert await container.with_exec(["true"]).file("/etc/a").contents() == "a"
    changed = container.with_(sh("printf b > /etc/a; chmod 600 /etc/a"))
    assert await changed.file("/etc/a").contents() == "b"
    assert await changed.with_(sh("cat /etc/a; stat -c %a /etc/a")).stdout() == "b600\n"
    assert await tree.file("a.txt").contents() == "a"


async def test_mounts_take_an_owner(base: C, tree: dagger.Directory) -> None:
    container = base.with_mounted_directory("/d", tree, owner="1000:1001").with_mounted_file(
        "/f", tree.file("a.txt"), owner="1002"
    )
    assert await container.with_(sh("stat -c %u:%g /d /d/sub/c.txt /f")).stdout() == "1000:1001\n1000:1001\n1002:1002\n"


async def test_another_user_can_write_to_its_mounts(base: C, tree: dagger.Directory) -> None:
    container = base.with_user("1000").with_mounted_directory("/d", tree, owner="1000")
    assert await container.with_(sh("touch /d/new && ls /d")).stdout() == "a.txt\nb.md\nnew\nsub\n"


async def test_mounted_temp_is_empty_in_each_step(base: C) -> None:
    container = base.with_mounted_temp("/scratch").with_(sh("echo x > /scratch/x"))
    assert await container.with_(sh("ls /scratch | wc -l")).stdout() == "0\n"


async def test_mount_over_a_mount(base: C, tree: dagger.Directory) -> None:
    container = base.with_mounted_directory("/mnt", tree).with_mounted_directory("/mnt/sub", dag.directory())
    assert await container.with_(sh("ls /mnt /mnt/sub")).stdout() == "/mnt:\na.txt\nb.md\nsub\n\n/mnt/sub:\n"


async def test_mount_inside_the_image_hides_what_was_there(base: C, tree: dagger.Directory) -> None:
    container = base.with_new_file("/data/old", "old").with_mounted_directory("/data", tree)
    assert await container.directory("/data").entries() == ["a.txt", "b.md", "sub/"]
    assert await container.with_exec(["ls", "/data"]).stdout() == "a.txt\nb.md\nsub\n"
    assert await container.with_exec(["true"]).without_mount("/data").directory("/data").entries() == ["old"]


async def test_mount_path_is_relative_to_the_workdir(base: C, tree: dagger.Directory) -> None:
    container = base.with_workdir("/work").with_mounted_directory("src", tree)
    assert await container.with_exec(["cat", "/work/src/a.txt"]).stdout() == "a"


async def test_expand_in_paths(base: C, tree: dagger.Directory) -> None:
    container = base.with_env_variable("DIR", "/opt").with_directory("${DIR}/x", tree, expand=True)
    assert await container.with_exec(["cat", "/opt/x/a.txt"]).stdout() == "a"
    assert await container.file("$DIR/x/a.txt", expand=True).contents() == "a"


# Files in and out


async def test_with_directory_merges(base: C, tree: dagger.Directory) -> None:
    container = base.with_new_file("/data/old", "old").with_directory("/data", tree)
    assert await container.directory("/data").entries() == ["a.txt", "b.md", "old", "sub/"]


async def test_with_directory_filters_and_owner(base: C, tree: dagger.Directory) -> None:
    container = base.with_directory("/data", tree, include=["**/*.txt"], owner="1000")
    assert await container.directory("/data").glob("**/*") == ["a.txt", "sub/", "sub/c.txt"]
    assert await container.with_(sh("stat -c %u:%g /data/a.txt /data/sub")).stdout() == "1000:1000\n1000:1000\n"


async def test_with_file_and_files(base: C, tree: dagger.Directory) -> None:
    container = base.with_file("/x/renamed", tree.file("a.txt"), permissions=0o750, owner="7:8")
    assert await container.with_exec(["stat", "-c", "%a %u:%g", "/x/renamed"]).stdout() == "750 7:8\n"
    several = base.with_files("/y", [tree.file("a.txt"), tree.file("sub/c.txt")])
    assert await several.directory("/y").entries() == ["a.txt", "c.txt"]


async def test_with_new_file(base: C) -> None:
    container = base.with_workdir("/w").with_new_file("script", "#!/bin/sh\necho hi\n", permissions=0o755)
    assert await container.with_exec(["./script"]).stdout() == "hi\n"
    assert await base.with_new_file("/f", "x").with_exec(["stat", "-c", "%a", "/f"]).stdout() == "644\n"


async def test_new_file_replaces_a_link(base: C) -> None:
    container = base.with_new_file("/target", "kept").with_symlink("/target", "/link").with_new_file("/link", "new")
    assert await container.with_exec(["cat", "/target", "/link"]).stdout() == "keptnew"


async def test_paths_follow_linked_folders(base: C, tree: dagger.Directory) -> None:
    container = (
        base.with_(sh("mkdir /real; ln -s /real /link")).with_directory("/link", tree).with_new_file("/link/x", "x")
    )
    assert await container.with_(sh("readlink /link; ls /real")).stdout() == "/real\na.txt\nb.md\nsub\nx\n"


async def test_without_paths(base: C) -> None:
    container = base.with_(sh("mkdir -p /d/e; touch /d/e/1 /d/2 /d/3"))
    assert await container.without_file("/d/2").directory("/d").entries() == ["3", "e/"]
    assert await container.without_files(["/d/2", "/d/3"]).directory("/d").entries() == ["e/"]
    assert await container.without_directory("/d/e").directory("/d").entries() == ["2", "3"]


async def test_directory_out_keeps_links_modes_and_owners(base: C) -> None:
    made = base.with_(sh("mkdir /d; echo x > /d/f; chown 5:6 /d/f; chmod 4711 /d/f; ln -s f /d/link")).directory("/d")
    shown = base.with_mounted_directory("/m", made).with_(sh("stat -c '%a %u:%g' /m/f; readlink /m/link"))
    assert await shown.stdout() == "4711 5:6\nf\n"


async def test_exists_and_stat(base: C) -> None:
    container = base.with_new_file("/f", "abc").with_symlink("/f", "/link")
    assert await container.exists("/f")
    assert not await container.exists("/g")
    assert not await container.exists("/f", expected_type=dagger.ExistsType.DIRECTORY_TYPE)
    assert await container.exists("/link", expected_type=dagger.ExistsType.SYMLINK_TYPE, do_not_follow_symlinks=True)
    assert await container.stat("/f").size() == 3


async def test_symlink(base: C) -> None:
    assert await base.with_symlink("/etc/passwd", "/link").with_exec(["readlink", "/link"]).stdout() == "/etc/passwd\n"


async def test_rootfs_and_with_rootfs(base: C) -> None:
    root = base.with_new_file("/marker", "here").rootfs()
    assert await root.file("marker").contents() == "here"
    again = dag.container().with_rootfs(root).with_exec(["cat", "/marker"])
    assert await again.stdout() == "here"


async def test_scratch_container_holds_files(tree: dagger.Directory) -> None:
    assert await dag.container().with_directory("/x", tree).directory("/x").entries() == ["a.txt", "b.md", "sub/"]


# Images


async def test_as_tarball_is_an_oci_layout(base: C, tmp_path: Path) -> None:
    image = base.with_new_file("/marker", "x").with_label("made", "here").with_entrypoint(["cat"])
    await image.as_tarball().export(str(tmp_path / "image.tar"))
    with tarfile.open(tmp_path / "image.tar") as archive:
        index = _member(archive, "index.json")
        manifest = _blob(archive, index["manifests"][0]["digest"])
        config = _blob(archive, manifest["config"]["digest"])
    assert manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert config["config"]["Labels"]["made"] == "here"
    assert config["config"]["Entrypoint"] == ["cat"]


async def test_as_tarball_with_docker_media_types(base: C, tmp_path: Path) -> None:
    tarball = base.as_tarball(media_types=dagger.ImageMediaTypes.DockerMediaTypes)
    await tarball.export(str(tmp_path / "image.tar"))
    with tarfile.open(tmp_path / "image.tar") as archive:
        assert "manifest.json" in archive.getnames()
        index = _member(archive, "index.json")
        manifest = _blob(archive, index["manifests"][0]["digest"])
    assert manifest["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"


async def test_import_of_a_tarball(base: C) -> None:
    image = base.with_new_file("/marker", "imported").with_default_args(["cat", "/marker"])
    imported = dag.container().import_(image.as_tarball())
    assert await imported.default_args() == ["cat", "/marker"]
    assert await imported.with_exec(["cat", "/marker"]).stdout() == "imported"


async def test_export_writes_a_tarball(base: C, tmp_path: Path) -> None:
    target = tmp_path / "image.tar"
    assert await base.export(str(target)) == str(target)
    with tarfile.open(target) as archive:
        assert "index.json" in archive.getnames()


async def test_mounts_and_caches_stay_out_of_the_image(base: C, tree: dagger.Directory, tmp_path: Path) -> None:
    image = base.with_mounted_directory("/mnt", tree).with_mounted_cache("/cache", dag.cache_volume("contract-image"))
    await image.with_(sh("touch /cache/x /mnt/y")).as_tarball().export(str(tmp_path / "image.tar"))
    imported = dag.container().import_(dag.host().file(str(tmp_path / "image.tar")))
    assert await imported.with_(sh("ls /mnt /cache 2>/dev/null | grep -c '^[xyab]'; true")).stdout() == "0\n"


async def test_publish_and_pull(base: C, unique: Callable[[], str]) -> None:
    text = unique()
    ref = await base.with_new_file("/marker", text).publish("localhost:5000/contract/container:latest")
    assert ref.startswith("localhost:5000/contract/container:latest@sha256:")
    assert await dag.container().from_(ref).file("/marker").contents() == text


async def test_publish_is_the_same_digest_for_the_same_content(base: C) -> None:
    image = base.with_new_file("/marker", "same")
    first = await image.publish("localhost:5000/contract/one:latest")
    second = await image.publish("localhost:5000/contract/two:latest")
    assert first.partition("@")[2] == second.partition("@")[2]


def _member(archive: tarfile.TarFile, name: str) -> dict[str, Any]:
    stream = archive.extractfile(name)
    assert stream is not None
    found: dict[str, Any] = json.load(stream)
    return found


def _blob(archive: tarfile.TarFile, digest: str) -> dict[str, Any]:
    return _member(archive, "blobs/" + digest.replace(":", "/"))
