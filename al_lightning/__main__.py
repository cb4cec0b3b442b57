"""`python -m al_lightning` is `al-lightning`."""

from al_lightning.cli import run

if __name__ == "__main__":
    run()
