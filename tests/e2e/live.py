# SPDX-License-Identifier: MIT
"""live.py SERVER TOOL DATA: the page stays true while others change what it shows.

A seat that was chosen is taken by somebody else; prices change; a sale's waiting room is there before the sale opens, is
paused, closed, taken away; and nothing of it touches what a buyer is typing.
"""
import sys
import time

from service import STAFF, Service
from webdriver import Browser, Driver

WAIT = 15


def text_has(browser, where, words):
    browser.wait("return document.querySelector(arguments[0])?.textContent.includes(arguments[1])", WAIT, (where, words))


def choose(browser):
    """The last free seat of the floor that is shown."""
    return browser.run("""const seat = [...document.querySelectorAll("[data-state='available']")].filter(g => g.style.display !== 'none').at(-1);
        seat.dispatchEvent(new MouseEvent('click', { bubbles: true })); return Number(seat.dataset.unit)""")


def state_of(browser, unit):
    return browser.run("return document.querySelector(`[data-unit='${arguments[0]}']`).dataset.state", unit)


def taken_by_another(browser, s):
    browser.open(f"{s.url}/#/event/{s.event}")
    browser.wait("[data-state='available']")
    unit = choose(browser)
    browser.wait("#reserve")
    assert s.call("POST", f"/events/{s.event}/reservations", {"ticketId": unit})[0] == 201
    text_has(browser, "#message", "just taken by somebody else")
    assert state_of(browser, unit) == "reserved"
    assert browser.run("return document.querySelectorAll('#basket li').length") == 0


def prices_follow(browser, s):
    unit = choose(browser)
    text_has(browser, "#basket", "80")
    s.tickets("price", str(s.event), "*", "91.00", "EUR")
    text_has(browser, "#basket", "91")
    label = browser.run("return document.querySelector(`[data-unit='${arguments[0]}']`).getAttribute('aria-label')", unit)
    assert label.endswith("91.00 EUR"), label


def typing_stays(browser, s):
    browser.click("#reserve")
    browser.wait("#clock")
    browser.run("const card = document.querySelector('#card'); card.value = '5555 typing'; card.focus()")
    s.tickets("price", str(s.event), "*", "92.00", "EUR")
    status = s.call("PUT", f"/events/{s.event}/queue/room", {"mode": "open"}, role=STAFF)[0]
    assert status == 200, status
    for mode in ("paused", "open"):
        seq = browser.run("return document.body.dataset.seq")
        s.call("PUT", f"/events/{s.event}/queue/room", {"mode": mode}, role=STAFF)
        browser.wait("return document.body.dataset.seq !== arguments[0]", WAIT, (seq,))
    time.sleep(0.5)
    assert browser.run("return document.querySelector('#card').value") == "5555 typing"
    assert browser.run("return document.activeElement.id") == "card"
    browser.click("#give-back")


def room_comes_and_goes(browser, s):
    """Each state of the waiting room reaches a page that is open, with nothing pressed."""
    room = f"/events/{s.event}/queue/room"
    browser.wait("return document.querySelector('#clock') === null")
    s.call("PUT", room, {"mode": "paused"}, role=STAFF)
    browser.wait("#join")
    browser.click("#join")
    text_has(browser, "#basket", "Nobody is let in right now")
    s.call("PUT", room, {"mode": "closed"}, role=STAFF)
    text_has(browser, "#basket", "The waiting room is closed")
    s.tickets("queue", str(s.event), "--remove")
    text_has(browser, "#basket", "Choose your seats")
    unit = choose(browser)
    browser.click("#reserve")
    browser.wait("#clock")
    assert state_of(browser, unit) == "own"
    browser.click("#give-back")


def before_the_sale(browser, s):
    """Who waits for the sale can join its waiting room before, and the page sees the sale open by itself."""
    s.call("PUT", f"/events/{s.event}/queue/room", {"perMinute": 600}, role=STAFF)
    browser.open(s.url + "/")
    browser.wait(".events li")
    browser.run("""
        const plain = window.fetch, opens = Date.now() + 4000; // the tool sets no windows: the answer is made to have one
        window.fetch = async (path, options) => {
          const answer = await plain(path, options);
          if (String(path) !== `/events/${arguments[0]}` || Date.now() > opens) return answer;
          const event = await answer.json();
          event.sale.open = false;
          event.sale.windows = [{ opens: new Date(opens).toISOString() }];
          return new Response(JSON.stringify(event), { status: 200, headers: answer.headers });
        };
        location.hash = `#/event/${arguments[0]}`;""", s.event)
    browser.click("#join")
    text_has(browser, "#basket", "On sale from")  # admitted before there is anything to reserve
    text_has(browser, "#basket", "Choose your seats")


def main():
    with Service(*sys.argv[1:4], ttl_seconds=120) as s, Driver() as driver, Browser(driver, 1280, 900) as browser:
        taken_by_another(browser, s)
        prices_follow(browser, s)
        typing_stays(browser, s)
        room_comes_and_goes(browser, s)
        before_the_sale(browser, s)
        severe = [m for m in browser.complaints() if "/stream" not in m and " 404 " not in m]
        assert not severe, severe
    print("live: done")


main()
