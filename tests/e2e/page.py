# SPDX-License-Identifier: MIT
"""page.py SERVER TOOL DATA [PICTURES]: the web page in two headless browsers on one hall.

Search as you type; choose seats by pointer and by keys; the other browser sees them held; the countdown runs out and
frees them in both; a payment is declined, then approved; tickets have their QR codes; staff see it sell. Pictures of a
phone's and a desktop's size are kept in the folder PICTURES.
"""
import os
import sys
import time

from service import STAFF, Service
from webdriver import Browser, Driver

SEEN_SECONDS = 5
TTL_SECONDS = 8


def state_of(browser, unit):
    return browser.run("return document.querySelector(`[data-unit='${arguments[0]}']`).dataset.state", unit)


def sees(browser, unit, state, seconds=SEEN_SECONDS):
    began = time.monotonic()
    browser.wait("return document.querySelector(`[data-unit='${arguments[0]}']`)?.dataset.state === arguments[1]", seconds,
                 (unit, state))
    return time.monotonic() - began


def search(browser, url):
    browser.open(url)
    browser.wait(".events li")
    browser.type("#keyword", "mahler")
    browser.wait("return document.querySelector('.events mark')?.textContent.toLowerCase() === 'mahler'")
    total = browser.run("return document.querySelector('#found').textContent")
    assert int(total.split()[0]) > 0, total
    browser.wait("#facets button")


def main():
    server, tool, data = sys.argv[1:4]
    pictures = sys.argv[4] if len(sys.argv) > 4 else None
    if pictures:
        os.makedirs(pictures, exist_ok=True)

    def keep(browser, name):
        if pictures:
            browser.picture(os.path.join(pictures, name + ".png"))

    with Service(server, tool, data, ttl_seconds=TTL_SECONDS) as s, Driver() as driver, \
            Browser(driver, 1280, 900) as ada, Browser(driver, 390, 844, phone=True) as ben:
        for browser, name in ((ada, "search-desktop"), (ben, "search-phone")):
            search(browser, s.url + "/")
            keep(browser, name)

        hall = f"{s.url}/#/event/{s.event}"
        for browser in (ada, ben):
            browser.open(hall)
            browser.wait("[data-unit='80'][data-state='available']")
        keep(ben, "hall-phone")

        # By pointer, and by keys: the seat to the right of it.
        ada.run("document.querySelector(\"[data-unit='80']\").focus()")
        ada.keys("\ue007")  # Enter
        ada.keys("\ue014")  # ArrowRight
        ada.keys("\ue007")
        ada.wait("return document.querySelectorAll('#basket li').length === 2")
        chosen = ada.run("return [...document.querySelectorAll('[data-state=own]')].map(g => Number(g.dataset.unit))")
        keep(ada, "chosen-desktop")
        ada.click("#reserve")
        ada.wait("#clock")
        took = max(sees(ben, unit, "reserved") for unit in chosen)
        print(f"the other browser saw them held after {took * 1000:.0f} ms")
        keep(ada, "held-desktop")
        keep(ben, "held-phone")

        # A seat that another holds can't be chosen.
        ben.run("document.querySelector(`[data-unit='${arguments[0]}']`).dispatchEvent(new MouseEvent('click', {bubbles: true}))",
                chosen[0])
        assert ben.run("return document.querySelectorAll('#basket li').length") == 0

        # The countdown runs out, and they are free for both.
        for browser in (ada, ben):
            for unit in chosen:
                sees(browser, unit, "available", TTL_SECONDS + 4)
        assert not ada.run("return document.querySelector('#clock') !== null")

        # Declined, then approved.
        ben.run("document.querySelector(`[data-unit='${arguments[0]}']`).dispatchEvent(new MouseEvent('click', {bubbles: true}))",
                chosen[1])
        ben.click("#reserve")
        ben.wait("#clock")
        ben.type("#card", "decline")
        ben.click("#pay")
        ben.wait("return document.querySelector('#message').textContent.includes('declined')")
        assert state_of(ben, chosen[1]) == "own"
        keep(ben, "declined-phone")
        ben.type("#card", "4242424242424242")
        ben.click("#pay")
        ben.wait(".ticket img")
        ben.wait("return [...document.querySelectorAll('.ticket img')].every(i => i.complete && i.naturalWidth > 0)")
        assert ben.run("return document.querySelectorAll('.ticket').length") == 1
        keep(ben, "ticket-phone")
        sees(ada, chosen[1], "booked")

        # Staff see it.
        ada.open(f"{s.url}/#/staff/{s.event}")
        ada.type("#staff-token", STAFF)
        ada.click("#staff form button")
        ada.wait("return document.querySelector('#sales dd')?.textContent === '1'")
        ada.wait("[data-unit='80']")
        keep(ada, "staff-desktop")

        # A cancelled event is seen at once after asking anew.
        s.tickets("status", str(s.event), "cancelled")
        ben.open(hall)
        ben.wait("return document.querySelector('#event-facts .badge.bad')?.textContent === 'cancelled'")
        with Browser(driver, 1280, 900, dark=True) as dark:
            dark.open(hall)
            dark.wait("[data-unit='80']")
            keep(dark, "hall-dark")
        for browser in (ada, ben):
            severe = [m for m in browser.complaints() if " 402 " not in m and "402 (" not in m]
            assert not severe, severe
    print("page: done")


main()
