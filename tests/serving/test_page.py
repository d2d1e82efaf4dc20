"""The page of bin/serve in a real headless Chromium: images in, reconstructions, samples, interpolations, sliders."""

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import exports, tiny
from helpers.serving import SHAPE
from PIL import ExifTags, Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait
from werkzeug.serving import make_server

import tfpagan
from tfpagan.inference import restore
from tfpagan.latents import prior
from tfpagan.serving.application import Application
from tfpagan.serving.hosted import Hosted
from tfpagan.serving.servable import Servable

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1000,1600"),
)
CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Debian's chromium and chromium-driver"),
    pytest.mark.slow,
]
SECONDS = 60


@pytest.fixture(scope="module")
def chromium() -> Iterator[WebDriver]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in FLAGS:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture
def page(chromium: WebDriver, port: int) -> WebDriver:
    chromium.get(f"http://127.0.0.1:{port}/")
    until(chromium, lambda: sources(chromium, "#moved") != [None])
    return chromium


def until(page: WebDriver, condition: Callable[[], object]) -> None:
    WebDriverWait(page, SECONDS, poll_frequency=0.05).until(lambda _: condition())


def sources(page: WebDriver, selector: str) -> list[str | None]:
    """What the images show."""
    return page.execute_script("return [...document.querySelectorAll(arguments[0])].map(i => i.getAttribute('src'))", selector)


def changes(page: WebDriver, selector: str, act: Callable[[], object]) -> None:
    """Acting must change what these images show."""
    before = sources(page, selector)
    act()
    until(page, lambda: sources(page, selector) != before)


def upload(page: WebDriver, folder: Path, size: tuple[int, int] = (8, 8)) -> Path:
    file = folder / f"x{size}.png"
    file.write_bytes(tf.io.encode_png(tiny.images(1, (*size, 3))[0]).numpy())
    page.find_element(By.ID, "file").send_keys(str(file))
    return file


def pixels(page: WebDriver, selector: str) -> np.ndarray:
    """Of an image as the browser has decoded it, [H, W, 3]."""
    script = """
        const image = document.querySelector(arguments[0]), canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        return [image.naturalHeight, image.naturalWidth, ...context.getImageData(0, 0, canvas.width, canvas.height).data];"""
    height, width, *data = page.execute_script(script, selector)
    return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]


def test_it_shows_the_model_samples_and_an_interpolation(page: WebDriver) -> None:
    assert page.find_element(By.ID, "title").text == "tiny"
    assert "8 x 8 px, 3 channels, 4 latent dimensions" in page.find_element(By.ID, "facts").text
    assert len(set(sources(page, "#samples img"))) > 32
    strip = sources(page, "#between img")
    assert len(strip) == 8
    assert sources(page, "#endA") + sources(page, "#endB") == [strip[0], strip[-1]]
    assert pixels(page, "#moved").shape == SHAPE
    assert not page.find_element(By.ID, "error").is_displayed()


def test_a_figure_is_hidden_while_it_has_no_image(page: WebDriver, tmp_path: Path) -> None:
    figures = "return ['original', 'reconstructed'].map(id => document.getElementById(id).checkVisibility())"
    assert page.execute_script(figures) == [False, False]
    upload(page, tmp_path)
    until(page, lambda: page.execute_script(figures) == [True, True])
    page.execute_script("window.fetch = () => new Promise(() => {})")  # the next answer never comes
    changes(page, "#original", lambda: upload(page, tmp_path, (64, 24)))
    assert page.execute_script(figures) == [True, False]


def shown_code(page: WebDriver) -> list[float]:
    return [float(text) for text in page.find_element(By.ID, "code").text.split()[1::2]]


DONE = """
    const fetched = window.fetch;
    window.fetch = (...args) => fetched(...args).finally(() => setTimeout(() => { window.done = true; }, 200));
    window.answer();"""


def test_a_late_answer_about_an_earlier_image_is_dropped(page: WebDriver, tmp_path: Path, exported: Path) -> None:
    page.execute_script("""
        const fetched = window.fetch;
        window.fetch = async (...args) => {  // the first answer comes when the test asks for it
            window.fetch = fetched;
            const answer = await fetched(...args);
            await new Promise((resolve) => { window.answer = resolve; });
            return answer;
        };""")
    changes(page, "#original", lambda: upload(page, tmp_path, (64, 24)))
    changes(page, "#original", lambda: upload(page, tmp_path))
    until(page, lambda: page.find_element(By.ID, "fromImage").is_enabled())
    until(page, lambda: page.execute_script("return Boolean(window.answer)"))
    shown = sources(page, "#reconstructed")
    page.execute_script(DONE)
    until(page, lambda: page.execute_script("return window.done"))  # what follows the late answer
    assert sources(page, "#reconstructed") == shown
    page.find_element(By.ID, "fromImage").click()
    code = tfpagan.load(exported).encode(tiny.images(1, SHAPE))[0]
    until(page, lambda: np.allclose(shown_code(page), code, atol=1e-3))


@contextmanager
def served(page: WebDriver) -> Iterator[Hosted]:
    """The page of a server that has no model yet."""
    hosted = Hosted("tiny", 1)
    server = make_server("127.0.0.1", 0, Application(hosted, max_body_bytes=2**20), threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    page.get(f"http://127.0.0.1:{server.port}/")
    try:
        yield hosted
    finally:
        server.shutdown()
        serving.join()
        hosted.close()


def test_it_waits_for_a_model_that_is_loading(chromium: WebDriver, exported: Path) -> None:
    with served(chromium) as hosted:
        assert chromium.find_element(By.ID, "title").text == "loading"
        hosted.available(Servable(exported, max_rows=64))
        until(chromium, lambda: sources(chromium, "#moved") != [None])
        assert chromium.find_element(By.ID, "title").text == "tiny"


@pytest.mark.slow
def test_a_model_that_makes_colours_has_images_reconstructed_and_moves_their_colours(
    chromium: WebDriver, tmp_path: Path
) -> None:
    tiny.write_run(tmp_path / "run", SHAPE, objective="conditional_age", latent_dim=3)
    run, random = restore.restored(tmp_path / "run"), np.random.default_rng(1)
    for v in run.networks["generator"].network.trainable_variables:  # else all colours are at their ends
        if "kernel" in v.name:
            v.assign(random.normal(0, 0.4, v.shape))
    with served(chromium) as hosted:
        version = exports.publish(run, tmp_path / "export")
        hosted.available(Servable(version, max_rows=64))
        until(chromium, lambda: "3 latent dimensions" in chromium.find_element(By.ID, "facts").text)
        shown = {part: chromium.find_element(By.ID, part).is_displayed() for part in ("sampling", "interpolation", "latent")}
        assert not any(shown.values())
        upload(chromium, tmp_path)
        until(chromium, lambda: sources(chromium, "#moved") != [None])
        expected = tfpagan.load(version).reconstruct(tiny.images(1, SHAPE))[0]
        for selector in ("#reconstructed", "#moved"):
            assert np.abs(pixels(chromium, selector).astype(int) - expected).max() <= 1
        changes(chromium, "#moved", lambda: slide(chromium, "3"))
        assert not chromium.find_element(By.ID, "error").is_displayed()


def test_a_model_of_one_channel_has_images_shown_in_grey(chromium: WebDriver, tmp_path: Path) -> None:
    tiny.write_run(tmp_path / "run", (8, 8, 1))
    version = exports.publish(restore.restored(tmp_path / "run"), tmp_path / "export")
    with served(chromium) as hosted:
        hosted.available(Servable(version, max_rows=64))
        until(chromium, lambda: sources(chromium, "#moved") != [None])
        assert "8 x 8 px, 1 channel, 4 latent dimensions" in chromium.find_element(By.ID, "facts").text
        file = upload(chromium, tmp_path)
        until(chromium, lambda: chromium.find_element(By.ID, "fromImage").is_enabled())
        seen = tf.io.decode_image(file.read_bytes(), channels=1).numpy().astype(int)  # as the server decodes a file in colour
        assert np.abs(pixels(chromium, "#original") - seen).max() <= 1
        assert np.ptp(pixels(chromium, "#original"), axis=-1).max() == 0


def slide(page: WebDriver, value: str) -> None:
    page.execute_script("const e = document.querySelector('.slider input[type=range]'); e.value = arguments[0];"
                        "e.dispatchEvent(new Event('input', {bubbles: true}))", value)  # fmt: skip


def test_the_seeds_are_those_of_sample(page: WebDriver, exported: Path) -> None:
    model = tfpagan.load(exported)
    for selector, seed in (("#endA", 1), ("#endB", 2), ("#moved", 3)):
        assert np.abs(pixels(page, selector).astype(int) - model.sample(1, seed=seed)[0]).max() <= 1


@contextmanager
def window(page: WebDriver, width: int, height: int = 800) -> Iterator[None]:
    """A window of this size: Chromium's own cannot be as narrow as a telephone."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    yield
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


CONTRAST = """
    const rgb = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const behind = (e) => {
        const colour = rgb(getComputedStyle(e).backgroundColor);
        return colour[3] === 0 ? behind(e.parentElement) : colour;
    };
    const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const luminance = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
    const visible = [...document.body.querySelectorAll("*")].filter((e) => e.checkVisibility() && !e.disabled);
    const texts = visible.filter((e) => e.type !== "range" &&
        (e.tagName === "INPUT" || [...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim())));
    return texts.map((e) => {
        const [light, dark] = [rgb(getComputedStyle(e).color), behind(e)].map(luminance).sort((a, b) => b - a);
        return [(light + 0.05) / (dark + 0.05), e.outerHTML.slice(0, 80)];
    });"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_is_legible_in_both_colour_schemes(page: WebDriver, scheme: str) -> None:
    """WCAG 2.1 AA, https://www.w3.org/TR/WCAG21/#contrast-minimum."""
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    wrong_direction(page)
    background = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    found = page.execute_script(CONTRAST)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    assert len(found) > 10
    assert [row for row in found if row[0] < 4.5] == []


@pytest.mark.parametrize("width", [320, 768, 1440])
def test_rows_of_images_are_even_and_nothing_needs_scrolling_sideways(page: WebDriver, tmp_path: Path, width: int) -> None:
    upload(page, tmp_path)
    until(page, lambda: page.find_element(By.ID, "fromImage").is_enabled())
    with window(page, width):
        script = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        wide, seen = page.execute_script(script)
        assert wide <= seen <= width
        boxes = """return [...document.querySelectorAll(arguments[0])].map(i => i.getBoundingClientRect())
            .map(b => [b.top, b.width, b.height].map(Math.round))"""
        for selector, columns in (("#samples img", 8), ("#between img", 4 if width == 320 else 8)):
            found = np.array(page.execute_script(boxes, selector))
            assert set(np.unique(found[:, 0], return_counts=True)[1]) == {columns}  # images with the same top
            assert np.ptp(found[:, 1:]) <= 1


def test_an_image_is_reconstructed(page: WebDriver, tmp_path: Path, exported: Path) -> None:
    upload(page, tmp_path)
    until(page, lambda: page.find_element(By.ID, "fromImage").is_enabled())
    np.testing.assert_array_equal(pixels(page, "#original"), tiny.images(1, SHAPE)[0])
    expected = tfpagan.load(exported).reconstruct(tiny.images(1, SHAPE))[0]
    assert np.abs(pixels(page, "#reconstructed").astype(int) - expected).max() <= 1
    changes(page, "#original", lambda: upload(page, tmp_path, (64, 24)))
    assert pixels(page, "#original").shape == SHAPE


def test_a_photograph_that_was_turned_is_upright(page: WebDriver, tmp_path: Path) -> None:
    stored = np.zeros([16, 16, 3], np.uint8)
    stored[:, :8, 0] = stored[:, 8:, 2] = 255  # red on the left, which is the top once turned, and blue
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6  # turn it to the right
    Image.fromarray(stored).save(tmp_path / "turned.jpg", quality=95, exif=turned)
    page.find_element(By.ID, "file").send_keys(str(tmp_path / "turned.jpg"))
    until(page, lambda: page.find_element(By.ID, "fromImage").is_enabled())
    x = pixels(page, "#original")
    assert x[:3, :, 0].min() > 200 > 50 > x[:3, :, 2].max()
    assert x[5:, :, 2].min() > 200 > 50 > x[5:, :, 0].max()
    assert not page.find_element(By.ID, "error").is_displayed()


def test_transparent_pixels_have_black_behind_them(page: WebDriver, tmp_path: Path) -> None:
    colours, alpha = np.full([8, 8, 3], 200, np.uint8), np.full([8, 8, 1], 255, np.uint8)
    alpha[:4] = 0
    Image.fromarray(np.concatenate([colours, alpha], -1)).save(tmp_path / "transparent.png")
    page.find_element(By.ID, "file").send_keys(str(tmp_path / "transparent.png"))
    until(page, lambda: page.find_element(By.ID, "fromImage").is_enabled())
    colours[:4] = 0
    np.testing.assert_array_equal(pixels(page, "#original"), colours)


def test_what_can_be_dropped_can_be_chosen_without_a_mouse(page: WebDriver, tmp_path: Path, exported: Path) -> None:
    x = tiny.images(2, SHAPE)
    for end, image in zip("AB", x, strict=True):
        (tmp_path / f"{end}.png").write_bytes(tf.io.encode_png(image).numpy())
        choose = page.find_element(By.ID, f"file{end}")
        changes(page, "#between img", lambda choose=choose, end=end: choose.send_keys(str(tmp_path / f"{end}.png")))
    expected = tfpagan.load(exported).interpolate(x[:1], x[1:], 8)[0]
    assert np.abs(pixels(page, "#between img:last-child").astype(int) - expected[-1]).max() <= 1
    assert page.find_element(By.ID, "said").get_attribute("textContent") == "8 steps from one end to the other"


def test_a_screen_reader_is_told_what_everything_is_and_when_it_changes(page: WebDriver) -> None:
    nodes = page.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    controls = ("button", "spinbutton", "slider", "image", "heading", "region")
    named = [(node["role"]["value"], node["name"]["value"]) for node in nodes if node.get("role", {}).get("value") in controls]
    assert [role for role, name in named if not name] == []
    pressed = [name for role, name in named if role in ("button", "spinbutton", "slider")]
    assert len(pressed) > 20
    assert len(set(pressed)) == len(pressed)  # none is taken for another
    assert ("image", "sample 1 of 64") in named
    page.find_element(By.ID, "seed").send_keys(Keys.CONTROL, "a")
    page.find_element(By.ID, "seed").send_keys("5")
    page.find_element(By.ID, "sample").send_keys(Keys.ENTER)
    until(page, lambda: page.find_element(By.ID, "said").get_attribute("textContent") == "64 samples of seed 5")


DROP = """
    const [id, bytes] = arguments, data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], "x.png", {type: "image/png"}));
    document.getElementById(id).dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));"""


def test_images_are_dropped_onto_the_page_and_onto_the_ends(page: WebDriver, exported: Path) -> None:
    x = tiny.images(2, SHAPE)
    files = [list(tf.io.encode_png(image).numpy()) for image in x]
    changes(page, "#original", lambda: page.execute_script(DROP, "drop", files[0]))
    np.testing.assert_array_equal(pixels(page, "#original"), x[0])
    for end, file in zip("AB", files, strict=True):
        changes(page, "#between img", lambda end=end, file=file: page.execute_script(DROP, f"drop{end}", file))
    expected = tfpagan.load(exported).interpolate(x[:1], x[1:], 8)[0]
    for i, image in enumerate(expected, 1):
        assert np.abs(pixels(page, f"#between img:nth-child({i})").astype(int) - image).max() <= 1


def test_seeds_and_sliders_move_the_images(page: WebDriver) -> None:
    def type_seed(name: str, value: str) -> None:
        page.execute_script("const e = document.getElementById(arguments[0]); e.value = arguments[1];"
                            "e.dispatchEvent(new Event('change'))", name, value)  # fmt: skip

    type_seed("seed", "5")
    changes(page, "#samples img", lambda: page.find_element(By.ID, "sample").click())
    changes(page, "#between img", lambda: type_seed("seedA", "9"))
    start = sources(page, "#moved")
    changes(page, "#moved", lambda: slide(page, "3"))
    assert page.find_element(By.CSS_SELECTOR, ".slider output").text == "3.0"
    page.find_element(By.ID, "reset").click()
    until(page, lambda: sources(page, "#moved") == start)
    changes(page, "#moved", lambda: type_seed("seedL", "8"))
    assert len(page.find_elements(By.CSS_SELECTOR, ".slider")) == tiny.Z


def pasted(page: WebDriver) -> str:
    """What was copied."""
    page.execute_script("document.body.append(Object.assign(document.createElement('textarea'), {id: 'pasted'}))")
    area = page.find_element(By.ID, "pasted")
    area.send_keys(Keys.CONTROL, "v")
    text = area.get_property("value")
    page.execute_script("document.getElementById('pasted').remove()")
    return str(text)


CLIPBOARDS = {
    "of the browser": "",
    "missing, as over plain HTTP": "Object.defineProperty(navigator, 'clipboard', {value: undefined, configurable: true})",
    "refusing": "navigator.clipboard.writeText = () => Promise.reject(new Error('no'))",
}


def copied(page: WebDriver, button: str) -> str:
    page.find_element(By.ID, button).click()
    until(page, lambda: page.find_element(By.ID, button).text == "Copied")
    return pasted(page)


@pytest.mark.parametrize("clipboard", CLIPBOARDS)
def test_the_code_of_the_image_is_shown_copied_and_downloaded(
    page: WebDriver, tmp_path: Path, exported: Path, clipboard: str
) -> None:
    page.execute_script(CLIPBOARDS[clipboard])
    expected = prior(tf.constant(3), tf.constant(1), tiny.Z).numpy()
    changes(page, "#moved", lambda: slide(page, "2"))
    expected[0, 0] += 2
    until(page, lambda: np.allclose(shown_code(page), expected[0], atol=1e-4))
    assert page.find_element(By.ID, "code").text.split()[::2] == ["z0", "z1", "z2", "z3"]
    code = json.loads(copied(page, "copyCode"))
    assert list(code) == ["latents"]
    np.testing.assert_allclose(code["latents"], expected, rtol=1e-6)
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    page.find_element(By.ID, "downloadCode").click()
    until(page, (tmp_path / "tiny_code.json").exists)
    assert json.loads((tmp_path / "tiny_code.json").read_text()) == code
    image = tfpagan.load(exported).decode(np.array(code["latents"], np.float32))[0]
    assert np.abs(pixels(page, "#moved").astype(int) - image).max() <= 1


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_last_request_is_copied_as_a_command_that_answers_the_same(page: WebDriver, tmp_path: Path) -> None:
    def answer(command: str) -> dict[str, Any]:
        return json.loads(subprocess.run(["bash"], input=command, capture_output=True, text=True, check=True).stdout)

    command = copied(page, "copyRequest")
    assert command.startswith(f"curl -X POST '{page.current_url}v1/models/tiny:predict' ")
    assert f"data:image/png;base64,{answer(command)['outputs'][0]['b64']}" == sources(page, "#moved")[0]
    upload(page, tmp_path)
    until(page, lambda: page.find_element(By.ID, "fromImage").is_enabled())
    until(page, lambda: page.find_element(By.ID, "copyRequest").text == "Copy request")
    file = str(sources(page, "#original")[0]).split(",")[1]
    command = copied(page, "copyRequest")
    assert json.dumps({"b64": file}, separators=(",", ":")) in command
    assert np.shape(answer(command)["outputs"]["latents"]) == (1, tiny.Z)


def wrong_direction(page: WebDriver) -> None:
    page.execute_script("const e = document.querySelector('.slider input[type=number]'); e.value = 500;"
                        "e.dispatchEvent(new Event('input', {bubbles: true}))")  # fmt: skip
    until(page, lambda: page.find_element(By.ID, "error").is_displayed())


def test_a_message_is_in_view_wherever_the_page_is_scrolled_to_and_can_be_closed(page: WebDriver) -> None:
    with window(page, 375):
        page.execute_script("window.scrollTo(0, document.documentElement.scrollHeight)")
        wrong_direction(page)
        box = page.execute_script("return document.getElementById('error').getBoundingClientRect().toJSON()")
        assert page.execute_script("return window.scrollY") > 0
        assert 0 <= box["top"] < box["bottom"] <= 800
        assert 0 <= box["left"] < box["right"] <= 375
        page.find_element(By.ID, "close").click()
        assert not page.find_element(By.ID, "error").is_displayed()


def test_a_direction_that_is_not_there_gets_a_message(page: WebDriver) -> None:
    wrong_direction(page)
    assert "500 is not legal here: a whole number from 0 to 3 is wanted" in page.find_element(By.ID, "error").text


def test_what_is_no_image_gets_a_message(page: WebDriver, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    page.find_element(By.ID, "file").send_keys(str(tmp_path / "notes.txt"))
    until(page, lambda: page.find_element(By.ID, "error").is_displayed())
    assert "notes.txt is no image that a browser can read" in page.find_element(By.ID, "error").text


def test_the_page_asks_no_other_host_and_logs_no_error(page: WebDriver) -> None:
    page.get_log("browser"), page.get_log("performance")
    page.refresh()
    until(page, lambda: len(sources(page, "#samples img")) > 0)
    hosts = {line["message"].split('"url":"')[1].split("/")[2] for line in page.get_log("performance")
             if '"method":"Network.requestWillBeSent"' in line["message"] and '"url":"http' in line["message"]}  # fmt: skip
    assert {host.split(":")[0] for host in hosts} == {"127.0.0.1"}
    assert [line for line in page.get_log("browser") if line["level"] == "SEVERE"] == []
