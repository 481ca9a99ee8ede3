"""The example service with an error that its tests find."""

import shutil
import subprocess
from pathlib import Path

from ci.settings import FILE

REPOSITORY = Path(__file__).parents[2]
ROUTES = "src/orders/routes/customers.py"
WORKS, BROKEN = '@router.post("", status_code=201)', '@router.post("", status_code=200)'


def broken(folder: Path) -> Path:
    """Make a folder a repository with the example in it, broken."""
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    shutil.copytree(REPOSITORY / "examples", folder / "examples", ignore=ignored)
    shutil.copy(REPOSITORY / FILE, folder)
    routes = folder / "examples" / "orders" / ROUTES
    assert WORKS in routes.read_text()
    routes.write_text(routes.read_text().replace(WORKS, BROKEN))
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    return folder
