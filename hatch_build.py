"""Addresses of the project: known to whoever builds it, written nowhere in the source."""

import os

from hatchling.metadata.plugin.interface import MetadataHookInterface


class Addresses(MetadataHookInterface):
    """Fills `urls` from the environment; a build that is told of none has none."""

    def update(self, metadata):
        """Set `urls`, from two variables."""
        repository = os.environ.get("SKSUBSPACE_REPOSITORY", "").rstrip("/")
        documentation = os.environ.get("SKSUBSPACE_DOCUMENTATION", "").rstrip("/")
        urls = {"Documentation": documentation} if documentation else {}
        if repository:
            urls["Repository"] = repository
            urls["Issues"] = f"{repository}/issues"
            urls["Changelog"] = f"{repository}/blob/main/CHANGELOG.md"
        metadata["urls"] = urls
