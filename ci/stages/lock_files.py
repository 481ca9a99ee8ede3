"""Linters of lock files: a lock file that its manifest has outrun would be packaged as it is."""

UV_LOCK = ["uv", "lock", "--check"]
# npm writes what it read in each package.json into the lock file: where the two differ, `npm ci` fails. Python compares
# them, so that a service needs no image with npm.
NPM = """
import json, pathlib, sys

KINDS = ("optionalDependencies", "dependencies", "devDependencies", "peerDependencies")

def wanted(package):
    kinds = {kind: dict(package.get(kind) or {}) for kind in KINDS}
    for name in kinds["optionalDependencies"]:
        kinds["dependencies"].pop(name, None)
    return kinds

def differences(lock):
    folder, known = lock.parent, json.loads(lock.read_text())
    root = json.loads((folder / "package.json").read_text())
    packages = known.get("packages")
    if packages is None:
        names = {name for kind in KINDS[:3] for name in wanted(root)[kind]}
        yield from sorted(names - set(known.get("dependencies") or {}))
        return
    workspaces = root.get("workspaces") or []
    globs = workspaces.get("packages", []) if isinstance(workspaces, dict) else workspaces
    members = {found.parent for glob in globs for found in folder.glob(glob.strip("./") + "/package.json")}
    names = {member.relative_to(folder).as_posix() for member in members}
    for name in sorted({"", *names, *(one for one in packages if "node_modules" not in one.split("/"))}):
        manifest = folder / name / "package.json"
        if name not in packages or not manifest.exists():
            yield name
        elif (here := wanted(json.loads(manifest.read_text()))) != (there := wanted(packages[name])):
            for kind in KINDS:
                both = here[kind].keys() | there[kind].keys()
                yield from sorted(one for one in both if here[kind].get(one) != there[kind].get(one))

stale = False
for path in sys.argv[1:]:
    if found := list(dict.fromkeys(differences(pathlib.Path(path)))):
        print(f"{path}:1: is not up to date with package.json ({', '.join(found)}): run `npm install`")
        stale = True
sys.exit(stale)
"""
NPM_LOCK = ["python", "-Ic", NPM]
