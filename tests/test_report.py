"""The page and the overview; the page also in a real browser, where there is one."""

import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

from inr_deblur.report import LARGEST_PREVIEW, Shown, jpeg_address, overview, report_page
from inr_deblur.report_svg import loss_figure
from inr_deblur.simulate import random_shake_kernel

BROWSER, DRIVER = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")


def shown(height=300, width=400, region=(100, 50, 120, 160), name="night <1> & day.jpg") -> Shown:
    """A page on a picture whose left half is dark, and bright in the result."""
    before, after = np.full((height, width, 3), 0.2), np.full((height, width, 3), 0.8)
    before[:, ::7], after[:, ::7] = 0.1, 0.9
    record = {
        "image": {"path": f"photos/{name}", "type": "jpeg, uint8", "notes": ["JPEG loses a little."]},
        "outcome": {"name": "RECOVERED", "ok": True, "sentence": "The blur was found & taken out.", "confidence": 0.9},
        "kernel": {"size": [21, 21], "extent": [9, 19]},
        "scores": {"input": {"psnr": 22.5, "ssim": 0.7}, "result": {"psnr": None, "ssim": 1.0}},
        "seconds": {"fit": 5.2},
        "config": {"seed": 0, "kernel": {"size": "auto", "file": None}},
        "versions": {"inr_deblur": "0.1.0", "jax": "0.10"},
        "device": "cpu",
        "finished": "2026-01-01T00:00:00+00:00",
    }
    losses = (("coarse, scale 4", np.geomspace(1, 0.1, 600)), ("restoration", np.zeros(0)))
    return Shown(record, before, after, random_shake_kernel(21, 3), losses, region)


class Tags(HTMLParser):
    """Checks that every tag that is opened is closed, and keeps the addresses."""

    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "link", "img", "input", "br"):
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_startendtag(self, tag, attrs):
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_is_well_formed_and_holds_everything_itself():
    page = report_page(shown())
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert len(tags.addresses) == 6
    assert all(address.startswith("data:") for address in tags.addresses)
    assert not re.search(r"https?://", page)


def test_page_says_it_all_and_escapes_names():
    page = report_page(shown())
    for words in ("night &lt;1&gt; &amp; day.jpg", "found &amp; taken out", "90%", "22.50 dB", "inf dB", "kernel.size"):
        assert words in page
    assert "<1>" not in page
    assert "600 steps, from 1 to 0.1" in page
    assert 'class="frame"' in page


@pytest.mark.parametrize("region", [None, (0, 0, 300, 400)])
def test_page_without_a_region_shows_the_middle(region):
    page = report_page(shown(region=region))
    assert 'class="frame"' not in page
    assert "The middle of the picture; the kernel was sought on all of it." in page
    given = shown(region=None)
    given.record["outcome"]["name"] = "RESTORED"
    assert "The middle of the picture; the kernel was given." in report_page(given)


def test_a_large_picture_is_embedded_as_a_bounded_preview():
    noise = np.random.default_rng(0).random((200, 5000))
    address = jpeg_address(noise)
    assert len(address) < 5000 * 200
    import base64
    import io

    from PIL import Image

    preview = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    assert preview.size == (LARGEST_PREVIEW, 64)


@pytest.mark.parametrize("losses", [np.zeros(1), np.array([np.nan, 1, np.inf, 0.5]), np.full(9, np.nan), -np.ones(5)])
def test_curves_of_odd_losses_have_finite_points(losses):
    figure = loss_figure("a stage", losses)
    assert not re.search(r"(nan|inf)[ ,\"]", figure.partition("<figcaption>")[0].partition("points")[2])


@pytest.mark.parametrize("shape", [(600, 400), (50, 900, 3)])
def test_overview_has_input_result_and_kernel_in_a_row(shape):
    before, after = np.zeros(shape), np.ones(shape)
    sheet = overview(before, after, random_shake_kernel(21, 3))
    assert sheet.dtype == np.uint8
    assert sheet.ndim == len(shape)
    width = (sheet.shape[1] - 8 - sheet.shape[0]) // 2
    assert (sheet[:, :width] == 0).all()
    assert (sheet[:, width + 4 : 2 * width + 4] == 255).all()
    assert sheet[:, 2 * width + 8 :].max() == 255


@pytest.mark.parametrize("shape", [(1, 61), (61, 1), (5, 9)])
def test_a_long_kernel_is_no_wider_than_the_overview_is_high(shape):
    sheet = overview(np.zeros((100, 150)), np.ones((100, 150)), np.full(shape, 1 / np.prod(shape)))
    assert sheet.shape[0] == 100 and sheet.shape[1] <= 2 * 150 + 8 + 100


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless Chromium with a profile of its own."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if not (BROWSER and DRIVER):
        pytest.skip("Chromium and its chromedriver are not installed: the page is not tried in a browser")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    profile = tmp_path_factory.mktemp("profile")
    for flag in (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        f"--disable-component-update --disable-sync --disable-dev-shm-usage --user-data-dir={profile}"
    ).split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    driver.set_page_load_timeout(30)
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, tmp_path):
    """The address of the page, opened on a telephone."""
    file = tmp_path / "report.html"
    file.write_text(report_page(shown()), encoding="utf-8")
    browser.set_window_size(500, 900)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    )
    browser.get(file.as_uri())
    return file.as_uri()


def shown_share(browser, place=0) -> float:
    """How much of the picture before is cut off, in per cent, by the browser's own account."""
    script = "return getComputedStyle(document.querySelectorAll('.before')[arguments[0]]).clipPath"
    found = re.search(r"calc\(100% - ([\d.]+)%\)|inset\(0px ([\d.]+)%", browser.execute_script(script, place))
    assert found
    return float(found[1]) if found[1] else 100 - float(found[2])


def test_slider_moves_by_keyboard_and_by_pointer(browser, page):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    handles = browser.find_elements(By.CSS_SELECTOR, ".slider input")
    assert len(handles) == 2
    assert shown_share(browser) == 50
    handles[0].send_keys(Keys.ARROW_RIGHT * 4)
    assert shown_share(browser) == 52
    handles[0].send_keys(Keys.HOME)
    assert shown_share(browser) == 0
    width = handles[0].size["width"]
    ActionChains(browser).move_to_element_with_offset(handles[0], round(0.25 * width), 0).click().perform()
    assert shown_share(browser) == pytest.approx(75, abs=3)
    assert shown_share(browser, 1) == 50, "the other slider stays"
    for handle in handles:
        assert handle.accessible_name


def test_page_fetches_nothing_and_has_no_errors(browser, page):
    import json

    said = [entry for entry in browser.get_log("browser") if page in entry["message"] or entry["level"] == "SEVERE"]
    assert said == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    asked = {request["request"]["url"] for request in requests if request["documentURL"] == page}
    assert page in asked
    assert [address for address in asked if address != page and not address.startswith("data:")] == []
    loaded = browser.execute_script("return [...document.images].every(image => image.complete && image.naturalWidth)")
    assert loaded


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_a_telephone_and_follows_the_scheme(browser, page, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    width, window = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert width <= window == 390
    colours = browser.execute_script(
        "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor].map(c => +c.match(/\\d+/)[0])"
    )
    assert (colours[0] > colours[1]) == (scheme == "dark")
    assert abs(colours[0] - colours[1]) > 150
