"""The small data folder with all the parts that both trainings need."""

from tests.models.verifier.conftest import (  # noqa: F401 - fixtures
    kinds,
    recipe,
    renders,
    verifier_data,
)
