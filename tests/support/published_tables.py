"""The published tables that come with the package."""

from al_lightning.tables.plan import files_of
from al_lightning.tables.published import Table, read_table

FILES = {name: path for name, path in files_of("tables").items() if name.startswith(("table", "figure"))}
TABLES = [read_table(path) for path in FILES.values()]


def table(name: str) -> Table:
    return read_table(FILES[name])
