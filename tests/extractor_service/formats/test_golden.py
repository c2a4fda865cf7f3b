"""What is the same in every way of writing it, and what real cameras say; documents one by one: `contracts/test_formats`."""

import gc
import json

import pytest

from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from tests.golden.documents import golden_document, parse
from tests.golden.samples import SAMPLES
from tests.samples import PHOTOS


def test_both_byte_orders_give_the_same_exif():
    little, big = (golden_document(SAMPLES[name]())["sections"]["exif"] for name in ("little.jpg", "big.jpg"))
    for a, b in zip(little, big):
        if a["name"] != "UserComment":
            assert a == b


# What ExifTool 13.59 says of them.
CAMERAS = {
    "Canon_EOS_REBEL_T3i": ("Canon", "Canon EOS REBEL T3i", (1152, 768)),
    "FujiFilm_FinePixS1Pro_4_": ("FUJIFILM", "FinePixS2Pro", (600, 400)),
    "Konica_Q-M100_1_": ("KONICA CORPORATION", "Konica Digital Camera Q-M100", (576, 436)),
    "Nikon_D5000": ("NIKON CORPORATION", "NIKON D5000", (858, 570)),
    "Olympus_PEN_E-P3": ("OLYMPUS IMAGING CORP.", "E-P3", (1280, 960)),
    "Ricoh_RDC5300": ("RICOH", "RDC-5300", (896, 600)),
    "Samsung_GT-I9000_Galaxy_S_": ("SAMSUNG", "GT-I9000", (640, 480)),
    "Sony_DSC-HX5V_2_": ("SONY", "DSC-HX5V", (730, 547)),
}


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.stem)
def test_real_cameras_are_named_and_little_is_read(photo):
    data = photo.read_bytes()
    source = BlockCachedSource(BytesSource(data))
    common = parse(source).common
    make, model, size = CAMERAS[photo.stem]
    assert (common.device_make, common.device_model) == (make, model)
    assert (common.width_pixels, common.height_pixels) == size
    assert common.created_at is not None
    assert source.bytes_read <= 128 * 1024


def test_deeply_nested_hdf5_attributes_can_be_decoded(tmp_path):
    import h5py
    import numpy as np

    kind = np.dtype([("x", "i4")])
    for _ in range(35):
        kind = np.dtype([("n", kind)])
    with h5py.File(tmp_path / "deep.h5", "w") as file:
        file.attrs.create("deep", np.zeros((), kind), dtype=kind)
        file.attrs["long"] = np.arange(1000)
    document = golden_document((tmp_path / "deep.h5").read_bytes())
    assert "nested too deeply" in json.dumps(document["sections"])
    assert any("1000 values are cut" in problem["message"] for problem in document["problems"])


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_of_a_file_outlives_its_document(name):
    """Workers collect cycles rarely: a reader that makes one keeps the document of every file that it reads."""
    data = SAMPLES[name]()
    golden_document(data, name)  # what is made once stays
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        golden_document(data, name)
        gc.collect()
        assert not {
            type(each) for each in gc.garbage if type(each).__module__.startswith("extractor_service")
        }
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
