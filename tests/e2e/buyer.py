# SPDX-License-Identifier: MIT
"""buyer.py SERVER TOOL DATA: the page for a buyer who does not wait, has two tabs, only keys, or a line that breaks.

What he holds is not lost with a tab or an answer; he hears how a payment ended wherever he is; he stands where he stood
after what he pressed is drawn anew; a link from elsewhere keeps his session; a search is found again.
"""
import http.server
import sys
import threading
import time

from service import Service
from webdriver import Browser, Driver

WAIT = 15
ENTER = "\ue007"


def open_event(browser, s):
    browser.open("about:blank")
    browser.open(f"{s.url}/#/event/{s.event}")
    browser.wait("[data-state='available']")


def choose(browser):
    """The first free seat that is not drawn as one's own."""
    unit = browser.run("""const seat = [...document.querySelectorAll("[data-state='available']")].filter(g => g.style.display !== 'none')[0];
        seat.dispatchEvent(new MouseEvent('click', { bubbles: true })); return Number(seat.dataset.unit)""")
    browser.wait("#reserve")
    return unit


def reserve(browser):
    choose(browser)
    browser.click("#reserve")
    browser.wait("#clock")


def holds(browser):
    return browser.run("return Object.values(JSON.parse(localStorage.holds || '{}')).flat()")


def state(s, token):
    return s.call("GET", f"/reservations/{token}")[2]["state"]


def says(browser, words):
    browser.wait("const m = document.querySelector('#message'); return !m.hidden && m.textContent.includes(arguments[0])", WAIT, (words,))


def standing(browser):
    return browser.run("const e = document.activeElement; return e.id || e.textContent.slice(0, 20)")


def a_broken_line(browser, s):
    """What was given back without an answer is shown as held, until the answer is there."""
    open_event(browser, s)
    reserve(browser)
    browser.run("window.plain = window.fetch; window.fetch = () => Promise.reject(new TypeError('Failed to fetch'))")
    browser.click("#give-back")
    says(browser, "There was no answer")
    browser.wait("#pay")
    token, = holds(browser)
    assert state(s, token) == "active"
    browser.run("window.fetch = window.plain")
    browser.click("#give-back")
    browser.wait("return document.querySelector('#clock') === null")
    assert state(s, token) == "released" and holds(browser) == []


def keys_alone(browser, s):
    """What is pressed by keys leaves one where it was, or at what came of it; it is said, too."""
    open_event(browser, s)
    choose(browser)
    browser.run("document.querySelector('#reserve').focus()")
    s.tickets("price", str(s.event), "*", "83.00", "EUR")
    browser.wait("return document.querySelector('#basket').textContent.includes('83')", WAIT)
    assert standing(browser) == "reserve"
    browser.keys(ENTER)
    browser.wait("#clock")
    assert standing(browser) == "Reserved for you", standing(browser)
    assert browser.run("return document.querySelector('#announce').textContent").startswith("Reserved for you: 1 place")
    browser.run("document.querySelector('#give-back').focus()")
    browser.keys(ENTER)
    browser.wait("return document.querySelector('#clock') === null")
    assert browser.run("return document.querySelector('#basket').contains(document.activeElement)")


def two_tabs(browser, s):
    """Each ends its own hold; the other's is found again."""
    open_event(browser, s)
    reserve(browser)
    first, = holds(browser)
    one = browser.call("GET", "/window")
    two = browser.call("POST", "/window/new", {"type": "tab"})["handle"]
    browser.call("POST", "/window", {"handle": two})
    browser.run("window.x = 1")
    # The second tab was open before the first one reserved, as it were: it does not know of that hold.
    browser.open(f"{s.url}/")
    browser.run("window.kept = localStorage.holds; localStorage.removeItem('holds')")
    browser.run("location.hash = `#/event/${arguments[0]}`", s.event)
    browser.wait("[data-state='available']")
    browser.run("localStorage.holds = window.kept")
    reserve(browser)
    assert len(holds(browser)) == 2
    browser.call("POST", "/window", {"handle": one})
    browser.click("#give-back")  # his own; the other one's is shown then
    browser.wait("return JSON.parse(localStorage.holds)[arguments[0]]?.length === 1", WAIT, (str(s.event),))
    second, = holds(browser)
    assert state(s, first) == "released" and state(s, second) == "active"
    open_event(browser, s)
    browser.wait("#pay")
    browser.click("#give-back")
    browser.wait("return document.querySelector('#clock') === null")
    browser.call("POST", "/window", {"handle": two})
    browser.call("DELETE", "/window")
    browser.call("POST", "/window", {"handle": one})


def pay_slowly(browser, card):
    browser.run("document.querySelector('#card').value = arguments[0]; document.querySelector('#pay').click()", card)


def gone_while_paying(browser, s):
    """Whoever leaves the page, or loads it anew, while the bank thinks, hears how it ended."""
    open_event(browser, s)
    reserve(browser)
    pay_slowly(browser, "slow")
    browser.run("location.hash = '#/mine'")
    says(browser, "the tickets are among yours")
    browser.wait(".ticket img", WAIT)
    open_event(browser, s)
    reserve(browser)
    pay_slowly(browser, "slow decline")
    browser.run("location.hash = '#/'")
    says(browser, "was declined")
    open_event(browser, s)
    browser.wait("#pay")
    tickets = browser.run("return Object.keys(JSON.parse(localStorage.bookings)).length")
    pay_slowly(browser, "slow")
    token, = holds(browser)
    until = time.monotonic() + WAIT
    while state(s, token) == "active":
        assert time.monotonic() < until
    open_event(browser, s)  # loaded anew meanwhile
    browser.wait("return location.hash.startsWith('#/mine/')", WAIT)
    browser.wait(".ticket img", WAIT)
    assert browser.run("return Object.keys(JSON.parse(localStorage.bookings)).length") == tickets + 1
    assert holds(browser) == []


def two_currencies(browser, s):
    """Are not added up, and not asked for together."""
    hall = s.call("GET", f"/events/{s.event}/seatmap")[2]["sections"]
    s.tickets("price", str(s.event), hall[0]["name"], "65.00", "USD")
    try:
        open_event(browser, s)
        units = [next(seat["unit"] for row in section["rows"] for seat in row["seats"] if seat["state"] == "available") for section in hall[:2]]
        for unit in units:
            browser.run("document.querySelector(`[data-unit='${arguments[0]}']`).dispatchEvent(new MouseEvent('click', { bubbles: true }))", unit)
        total = browser.wait("return document.querySelector('#basket .total')?.textContent.includes(' and ') && document.querySelector('#basket').textContent")
        assert "two currencies" in total and browser.run("return document.querySelector('#reserve') === null"), total
    finally:
        s.tickets("price", str(s.event), hall[0]["name"], "83.00", "EUR")


def found_again(browser, s):
    """A search stands in the address: loaded anew, and on the way back."""
    browser.open("about:blank")
    browser.open(f"{s.url}/")
    browser.wait(".events li")
    browser.type("#keyword", "concert")
    browser.wait("return location.hash.includes('keyword=concert')")
    browser.wait("return !document.querySelector('#after').disabled")
    browser.click("#after")
    browser.wait("return document.querySelector('#events').start === 21")
    first = browser.run("return document.querySelector('.events a').href")
    browser.open("about:blank")
    browser.call("POST", "/back", {})
    browser.wait("return document.querySelector('#events')?.start === 21 && document.querySelector('#keyword').value === 'concert'", WAIT)
    browser.wait("return document.querySelector('.events a')?.href === arguments[0]", WAIT, (first,))
    browser.run("document.querySelector('.events a').click()")
    browser.wait("#event-facts")
    browser.call("POST", "/back", {})
    browser.wait("return !document.querySelector('#search').hidden && document.querySelector('#events').start === 21")
    browser.call("POST", "/back", {})
    browser.wait("return document.querySelector('#events').start === 1 && document.querySelector('#keyword').value === 'concert'")
    months = browser.run("return [...document.querySelectorAll(\"[data-facet='month'] button span:first-child\")].map((e) => e.textContent)")
    assert months == sorted(months) and len(months) > 1, months
    browser.run("document.querySelector(\"[data-facet='month'] button\").focus()")
    browser.keys(ENTER)
    browser.wait("return location.hash.includes('month=')")
    browser.wait("return document.querySelector(\"[data-facet='month'] button\")?.getAttribute('aria-pressed') === 'true'")
    assert browser.run("return document.activeElement.dataset.again") == f"month {months[0]}"
    browser.type("#price", "1e3")
    browser.wait("return location.hash.includes('price=')")
    browser.wait("return Number(document.querySelector('#found').textContent.split(' ')[0]) > 0")


class Elsewhere(http.server.BaseHTTPRequestHandler):
    shop = ""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f'<a id="link" href="{self.shop}">to the shop</a>'.encode())

    def log_message(self, *_):
        pass


def a_link_from_elsewhere(browser, s):
    """Keeps the session, and with it the place in a queue and what is held."""
    Elsewhere.shop = s.url + "/"
    page = http.server.HTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    before = browser.call("GET", "/cookie/tkt_session")["value"]
    browser.open(f"http://localhost:{page.server_port}/")  # another site than 127.0.0.1
    browser.click("#link")
    browser.wait(".events li")
    assert browser.call("GET", "/cookie/tkt_session")["value"] == before
    page.shutdown()


def main():
    with Service(*sys.argv[1:4], ttl_seconds=120) as s, Driver() as driver, Browser(driver, 1280, 900) as browser:
        a_broken_line(browser, s)
        keys_alone(browser, s)
        two_tabs(browser, s)
        gone_while_paying(browser, s)
        two_currencies(browser, s)
        found_again(browser, s)
        a_link_from_elsewhere(browser, s)
        severe = [m for m in browser.complaints() if "/stream" not in m and " 404 " not in m and " 402 " not in m]
        assert not severe, severe
    print("buyer: done")


main()
