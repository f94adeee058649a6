"""Site folders with made-up distributions of onnxruntime, for tests that install nothing."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

#: An onnxruntime in Python that answers as the real one does, on the CPU.
FAKE = """
__version__ = "{version}"
class SessionOptions:
    log_severity_level = 2
class _Result(list):
    def ravel(self): return self
    def tolist(self): return list(self)
class InferenceSession:
    def __init__(self, model, options, providers=None):
        assert model[:2] == b"\\x08\\x04"
        self.providers = providers
    def get_providers(self): return ["CPUExecutionProvider"]
    def run(self, names, feeds): return [_Result({output})]
def get_device(): return "CPU"
def get_available_providers(): return {providers}
"""

#: A numpy that knows what the run needs.
NUMPY = """
float32 = "float32"
class _Array(list):
    def reshape(self, shape): return self
def array(values, dtype): return _Array(values)
"""

OUTPUT = "[207.0, 306.0, 351.0, 522.0]"
CPU_ONLY = '["CPUExecutionProvider"]'


def fake(version: str = "1.19.0", output: str = OUTPUT, providers: str = CPU_ONLY) -> str:
    """Return the text of ``onnxruntime/__init__.py``."""
    return FAKE.format(version=version, output=output, providers=providers)


def digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def install(site: Path, name: str, version: str, files: Mapping[str, str | bytes]) -> Path:
    """Write the files of a distribution and its RECORD; return the metadata folder."""
    lines = []
    for path, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(data)
        lines.append(f"{path},sha256={digest(data)},{len(data)}\n")
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: not this\n")
    (folder / "RECORD").write_text("".join(lines) + f"{folder.name}/RECORD,,\n")
    return folder
