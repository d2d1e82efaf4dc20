"""A folder of images that a test fills."""

import dataclasses

import pytest

from tfpagan.settings.sections import DataConfig


@pytest.fixture
def write(tmp_path):
    """Files below tmp_path/photos; its value is a function that gives the config of that folder."""

    def folder(files, **changes):
        for name, data in files.items():
            path = tmp_path / "photos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        config = DataConfig(dataset=f"folder:{tmp_path}/photos", cache_dir=str(tmp_path / "cache"), image_size=8)
        return dataclasses.replace(config, **changes)

    return folder
