"""What code may import: the names that a module of this package lists in `__all__`."""

import ast
from importlib import import_module


def not_public(code: str) -> list[str]:
    """Return what code imports from this package, by dotted name, and no module's `__all__` lists."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found += [
                name.name for name in node.names if name.name.startswith("al_lightning") and not _public(name.name)
            ]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("al_lightning"):
            names = _public(str(node.module))
            found += [f"{node.module}.{name.name}" for name in node.names if name.name not in names]
    return found


def _public(module: str) -> list[str]:
    return list(getattr(import_module(module), "__all__", []))
