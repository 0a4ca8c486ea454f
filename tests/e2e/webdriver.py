# SPDX-License-Identifier: MIT
"""webdriver.py: a headless Chromium by the W3C WebDriver protocol, as much of it as the tests need.

    with Driver() as driver, Browser(driver, 390, 844, phone=True) as phone: phone.open(url); phone.wait("h1")
"""
import base64
import http.client
import json
import shutil
import subprocess
import time

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Driver:
    """chromedriver, as long as the block lasts."""

    def __enter__(self):
        self.process = subprocess.Popen([shutil.which("chromedriver"), "--port=0", "--allowed-ips=127.0.0.1"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if "successfully on port" in line and line.rstrip(". \n").split()[-1].isdigit():
                self.port = int(line.rstrip(". \n").split()[-1])
                return self
        raise RuntimeError("chromedriver does not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
        value = json.loads(connection.getresponse().read())["value"]
        connection.close()
        if isinstance(value, dict) and "error" in value:
            raise RuntimeError(f"{value['error']}: {value['message'].splitlines()[0]}")
        return value


class Browser:
    def __init__(self, driver, width, height, phone=False, dark=False):
        self.driver = driver
        args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--window-size={width},{height}"]
        if dark:
            args.append("--force-dark-mode")
        options = {"args": args, "binary": shutil.which("chromium")}
        if phone:
            options["mobileEmulation"] = {"deviceMetrics": {"width": width, "height": height, "pixelRatio": 2.0, "touch": True}}
        self.id = driver.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})["sessionId"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.call("DELETE", f"/session/{self.id}")

    def call(self, method, path, body=None):
        return self.driver.call(method, f"/session/{self.id}{path}", body)

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script, *args):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def wait(self, what, seconds=10, args=(), every=0.02):
        """Until a selector finds something, or a script that returns something says yes; answers that."""
        script = what if "return " in what else f"return document.querySelector({json.dumps(what)}) !== null"
        end = time.monotonic() + seconds
        while True:
            got = self.run(script, *args)
            if got:
                return got
            if time.monotonic() > end:
                raise AssertionError(f"never came: {what}")
            time.sleep(every)

    def click(self, selector):
        """Of what the page draws anew between finding and pressing, the new one is pressed."""
        for again in (True, True, True, False):
            self.wait(selector)
            try:
                found = self.call("POST", "/element", {"using": "css selector", "value": selector})
                return self.call("POST", f"/element/{found[ELEMENT]}/click", {})
            except RuntimeError as e:
                if not again or not str(e).startswith(("stale element", "no such element")):
                    raise

    def type(self, selector, text):
        self.wait(selector)
        found = self.call("POST", "/element", {"using": "css selector", "value": selector})
        self.call("POST", f"/element/{found[ELEMENT]}/clear", {})
        self.call("POST", f"/element/{found[ELEMENT]}/value", {"text": text})

    def keys(self, text):
        active = self.call("GET", "/element/active")
        self.call("POST", f"/element/{active[ELEMENT]}/value", {"text": text})

    def picture(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("GET", "/screenshot")))

    def complaints(self):
        """What the browser's console calls severe."""
        return [e["message"] for e in self.call("POST", "/se/log", {"type": "browser"}) if e["level"] == "SEVERE"]
