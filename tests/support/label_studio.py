"""Label Studio itself, on loopback with a database of its own: `make label-studio` installs it beside the project."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
VENV = Path(os.environ.get("AL_LABEL_STUDIO", ROOT / ".venv-label-studio"))
TOKEN = "0123456789abcdef" * 2 + "01234567"
USER, PASSWORD = "annotator@example.com", "a-password-of-the-tests"
SWITCHED_OFF = {
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
}


def installed() -> bool:
    return (VENV / "bin" / "label-studio").is_file()


class Server:
    """A server that may show the images below `run_dir`; a context manager.

    Args:
        home: for its database and log.
        run_dir: of the run whose batches are labelled.
    """

    def __init__(self, home: Path, run_dir: Path) -> None:
        self.home, self.run_dir = home, run_dir
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Server:
        self.home.mkdir(parents=True, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environment |= SWITCHED_OFF | {
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.home),
            "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
            "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(self.run_dir.resolve()),
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        }
        start = [str(VENV / "bin" / "label-studio"), "start", "--no-browser", "--internal-host", "127.0.0.1"]
        start += ["--port", str(self.port), "--username", USER, "--password", PASSWORD, "--user-token", TOKEN]
        self.log = (self.home / "server.log").open("w")
        self.process = subprocess.Popen(start, cwd=self.home, env=environment, stdout=self.log, stderr=self.log)
        for _ in range(600):  # its database takes a minute or two to be made
            try:
                self.call("GET", "/api/projects/")
                return self
            except (OSError, urllib.error.URLError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.5)
        self.__exit__()
        raise RuntimeError(f"Label Studio did not start: {(self.home / 'server.log').read_text()[-2000:]}")

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def fetch(self, method: str, path: str, body: Any = None) -> bytes:
        """Call the API, or get a file."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            content: bytes = answer.read()
        return content

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API; what it answers, as data."""
        return json.loads(self.fetch(method, path, body))

    def project(self, title: str) -> int:
        """Make a project of the run's labelling config that may show its batches, as the batches' README.txt says."""
        config = next(self.run_dir.glob("batches/*/label_studio/config.xml")).read_text()
        number: int = self.call("POST", "/api/projects/", {"title": title, "label_config": config})["id"]
        folder = str((self.run_dir / "batches").resolve())
        storage = {"project": number, "path": folder, "title": "batches", "use_blob_urls": True}
        self.call("POST", "/api/storages/localfiles", storage)
        return number

    def bring_in(self, project: int, batch: Path) -> list[dict[str, Any]]:
        """Import a batch's tasks; return them as the server has them."""
        before = {task["id"] for task in self.tasks(project)}
        self.call(
            "POST", f"/api/projects/{project}/import", json.loads((batch / "label_studio/tasks.json").read_text())
        )
        return [task for task in self.tasks(project) if task["id"] not in before]

    def tasks(self, project: int) -> list[dict[str, Any]]:
        found = self.call("GET", f"/api/tasks?project={project}&page_size=10000&fields=all")
        return list(found["tasks"])

    def annotate(self, task: int, result: list[dict[str, Any]]) -> None:
        self.call("POST", f"/api/tasks/{task}/annotations/", {"result": result})

    def export(self, project: int, file: Path) -> None:
        """Export as JSON, as its button does."""
        file.write_bytes(self.fetch("GET", f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true"))


BRUSH = """
import json, sys
import numpy as np
from label_studio_sdk.converter.brush import mask2rle
print(json.dumps(mask2rle(np.load(sys.argv[1]).astype(np.uint8) * 255)))
"""


def run_lengths(mask: Any, folder: Path) -> list[int]:
    """Return a mask as a brush's run lengths, by Label Studio's own code."""
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "mask.npy", mask)
    command = [str(VENV / "bin" / "python"), "-c", BRUSH, str(folder / "mask.npy")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout.splitlines()[-1]))
