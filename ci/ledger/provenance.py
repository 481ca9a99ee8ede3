"""The provenance of an image in in-toto's and SLSA's format."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

BUILD_TYPE = "https://slipway.example/build/v1"


def provenance(
    *,
    image: str,
    version: str,
    commit: str,
    sources: str,
    materials: Mapping[str, str],
    began: datetime,
    ended: datetime,
) -> dict[str, JsonValue]:
    """Return an in-toto Statement with a SLSA provenance predicate; `materials` are images by their names.

    https://in-toto.io/Statement/v1 and https://slsa.dev/spec/v1.0/provenance.
    """
    repository, _, digest = image.partition("@sha256:")
    dependencies: list[JsonValue] = [{"name": "sources", "digest": {"sha256": sources}}]
    if commit:
        dependencies.append({"name": "commit", "digest": {"gitCommit": commit}})
    dependencies += [{"name": name, "uri": f"pkg:docker/{reference}"} for name, reference in sorted(materials.items())]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": repository, "digest": {"sha256": digest}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"version": version},
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": {"id": "slipway"},
                "metadata": {"startedOn": _moment(began), "finishedOn": _moment(ended)},
            },
        },
    }


def _moment(time: datetime) -> str:
    return time.isoformat(timespec="seconds")
