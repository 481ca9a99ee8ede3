from slipway_engine.modules.names import camel, kebab, namespaced, pascal


def test_kebab() -> None:
    names = ["sshKey", "ssh_key", "SSHKey", "integration_test", "python3Version", "h2o", "JSONData", "a"]
    assert [kebab(name) for name in names] == [
        "ssh-key",
        "ssh-key",
        "ssh-key",
        "integration-test",
        "python-3-version",
        "h-2-o",
        "json-data",
        "a",
    ]


def test_names_of_the_api() -> None:
    assert camel("integration_test") == "integrationTest"
    assert pascal("my-module") == "MyModule"


def test_types_bear_the_module_s_name() -> None:
    assert namespaced("Ci", "ci") == "Ci"
    assert namespaced("Report", "ci") == "CiReport"
    assert namespaced("CiReport", "ci") == "CiReport"
    assert namespaced("Cinema", "ci") == "CiCinema"
