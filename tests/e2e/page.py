# SPDX-License-Identifier: MIT
"""page.py SERVER TOOL DATA [PICTURES]: the web page in two headless browsers on one hall.

Search as you type; choose seats by pointer and by keys; the other browser sees them held; the countdown runs out and
frees them in both; a payment is declined, then approved; tickets have their QR codes; staff see it sell; answers come too
late, the browser's clock is wrong, a stream is refused; all server processes are killed and the stream goes on. Pictures
of a phone's and a desktop's size are kept in the folder PICTURES.
"""
import os
import signal
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


def narrow(browser, s):
    """By price, by what is left, by where the browser says that it is (a headless one is told): as many as the service has."""
    def settles(query):
        today = time.strftime("%Y-%m-%d", time.gmtime())
        want = int(s.call("GET", f"/events/search?start={today}&{query}")[1]["x-total-count"])
        browser.wait("return Number(document.querySelector('#found').textContent.split(' ')[0].replace(',', '')) === arguments[0]", 10, (want,))
        return want

    def stand_at(latitude, longitude):
        browser.run("const [latitude, longitude] = arguments; navigator.geolocation.getCurrentPosition = (then) => then({ coords: { latitude, longitude } })",
                    latitude, longitude)
    other = next(e["id"] for e in s.call("GET", f"/events/search?start={time.strftime('%Y-%m-%d')}&maxPrice=50")[2] if e["id"] != s.event)
    s.tickets("ga", str(other), "Floor", "1")
    area = s.call("GET", f"/events/{other}/seatmap")[2]["areas"][0]["id"]
    assert s.call("POST", f"/bookings/{other}", {"areaId": area, "quantity": 1, "paymentDetails": "ok"}, {"Cookie": "tkt_session=" + "5" * 32})[0] == 201
    browser.open(s.url + "/")
    everything = settles("")
    browser.type("#price", "50")
    cheap = settles("maxPrice=50")
    browser.type("#price", "80")
    dearer = settles("maxPrice=80")
    browser.click("#available")
    left = settles("maxPrice=80&available=true")
    browser.click("#available")
    stand_at(40.77, -73.98)
    browser.click("#near")
    here = settles("maxPrice=80&near=40.77,-73.98&radius=50000")
    browser.click("#near")
    stand_at(-48.1, -120.0)
    browser.click("#near")
    assert settles("maxPrice=80&near=-48.1,-120&radius=50000") == 0 < here < dearer
    assert cheap < dearer < everything and left == dearer - 1, (left, cheap, dearer, everything)


def pays_once(browser, s, keep):
    """Pressed twice, one reservation; the answer of a payment that is lost is asked for again, and charged once."""
    def sold():
        return s.call("GET", f"/events/{s.event}/sales", role=STAFF)[2]["bookings"]
    before = sold()
    browser.open(f"{s.url}/#/event/{s.event}")
    browser.wait("[data-state='available']")
    browser.run("""
        const plain = window.fetch;
        window.asked = { holds: 0, lose: 1 };
        window.fetch = async (path, options) => {
          if (String(path).endsWith('/reservations') && options.method === 'POST') window.asked.holds++;
          const answer = await plain(path, options);
          if (String(path).endsWith('/confirm') && window.asked.lose-- > 0) throw new TypeError('the line broke');
          return answer;
        };
        document.querySelector("[data-state='available']").dispatchEvent(new MouseEvent('click', { bubbles: true }));""")
    browser.wait("#reserve")
    browser.run("const button = document.querySelector('#reserve'); button.click(); button.click();")
    browser.wait("#clock")
    assert browser.run("return window.asked.holds") == 1
    browser.click("#pay")
    browser.wait("return document.querySelector('#message').textContent.startsWith('There was no answer')")
    assert sold() == before + 1
    browser.click("#pay")
    browser.wait(".ticket img")
    assert sold() == before + 1
    keep(browser, "paid-after-all")


def hold(s, unit):
    """Another buyer takes it; a process that was killed has answered nothing, the same request again."""
    wish = {"Cookie": f"tkt_session={unit:032x}", "Idempotency-Key": f"hold-{unit}"}
    for _ in range(200):
        got = s.try_call("POST", f"/events/{s.event}/reservations", {"ticketId": unit}, wish)
        if got[0] == 201:
            return
        time.sleep(0.05)
    raise AssertionError(f"{unit} was never held: {got}")


def streams_go_on(browser, s):
    """Every server process is killed; the browser's stream goes on where it was: no second map, nothing missed."""
    browser.open(s.url + "/")
    browser.wait(".events li")
    browser.run("""
        const Plain = window.EventSource;
        window.streamed = { maps: 0, opened: 0, seqs: [] };
        window.EventSource = function (url) {
          const source = new Plain(url);
          source.addEventListener('open', () => { window.streamed.opened++; });
          source.addEventListener('map', () => { window.streamed.maps++; });
          source.addEventListener('change', (m) => { window.streamed.seqs.push(JSON.parse(m.data).seq); });
          return source;
        };
        location.hash = `#/event/${arguments[0]}`;""", s.event)
    browser.wait("return window.streamed.opened === 1")
    s.restarts_expected = True
    free = browser.run("return [...document.querySelectorAll('[data-state=available]')].map(g => Number(g.dataset.unit))")
    units = free[-12:]
    for i, unit in enumerate(units):
        if i in (3, 7):
            for pid in s.workers():
                os.kill(pid, signal.SIGKILL)
        hold(s, unit)
    for unit in units:
        sees(browser, unit, "reserved", 15)
    told = browser.run("return window.streamed")
    assert told["maps"] == 0 and told["opened"] >= 2, told
    assert told["seqs"] == sorted(set(told["seqs"])) and len(told["seqs"]) >= len(units), told
    print(f"the stream went on after {told['opened'] - 1} breaks: {len(told['seqs'])} changes, none twice, none missed")


def late_answers(browser, s):
    """What comes for a page that was left changes nothing of the one that is shown."""
    others = [e for e in s.call("GET", f"/events/search?start={time.strftime('%Y-%m-%d')}")[2] if e["id"] != s.event]
    browser.open(s.url + "/")
    browser.wait(".events li")
    browser.run("""
        const plain = window.fetch, slow = `/events/${arguments[0]}`;
        window.late = 0;
        window.fetch = async (path, options) => {
          const answer = await plain(path, options);
          if (String(path).startsWith(slow) || String(path).startsWith('/bookings/')) {
            await new Promise((then) => setTimeout(then, 700));
            window.late++;
          }
          return answer;
        };
        location.hash = `#/event/${arguments[0]}`;""", others[0]["id"])
    browser.run("setTimeout(() => { location.hash = `#/event/${arguments[0]}`; }, 100)", others[1]["id"])
    browser.wait("return window.late >= 2 && document.querySelector('#event h1') !== null")
    time.sleep(0.3)
    assert browser.run("return document.querySelector('#event h1').textContent") == others[1]["name"]
    tickets = browser.run("return Object.keys(JSON.parse(localStorage.getItem('bookings') || '{}')).length")
    assert tickets > 0
    for hash in ("#/mine/1", "#/", "#/mine/2"):  # a second visit while the first one's answers are on their way
        browser.run("location.hash = arguments[0]", hash)
        time.sleep(0.1)
    browser.wait("return document.querySelectorAll('#my-bookings h2').length >= arguments[0]", 20, (tickets,))
    time.sleep(1.5)
    assert browser.run("return document.querySelectorAll('#my-bookings h2').length") == tickets


def clock_is_the_service_s(browser, s):
    """A browser that is an hour ahead counts down what the service gave."""
    browser.open(s.url + "/")
    browser.wait(".events li")
    browser.run("const now = Date.now; Date.now = () => now() + 3600e3; location.hash = `#/event/${arguments[0]}`", s.event)
    browser.wait("[data-state='available']")
    unit = browser.run("""const seat = document.querySelector("[data-state='available']");
        seat.dispatchEvent(new MouseEvent('click', { bubbles: true })); return Number(seat.dataset.unit)""")
    browser.click("#reserve")
    browser.wait(f"return /^0:0[1-{TTL_SECONDS}]$/.test(document.querySelector('#clock')?.textContent)", 3)
    assert state_of(browser, unit) == "own"
    browser.click("#give-back")
    browser.wait("#reserve, .basket .quiet")


def streams_come_back_after_a_refusal(browser, s):
    """A stream that is refused (too often, here) is opened anew; EventSource itself would give up."""
    browser.open(s.url + "/")
    browser.wait(".events li")
    browser.run("""
        const Plain = window.EventSource;
        window.tried = 0;
        window.EventSource = class extends Plain {
          constructor(url) { super(window.tried++ < 2 ? '/nowhere/seatmap/stream' : url); }
        };
        location.hash = `#/event/${arguments[0]}`;""", s.event)
    browser.wait("[data-state='available']")
    browser.wait("return window.tried >= 3", 15)
    unit = browser.run("return Number([...document.querySelectorAll('[data-state=available]')].at(-1).dataset.unit)")
    hold(s, unit)
    sees(browser, unit, "reserved")


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

        narrow(ada, s)
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

        # The code is the ticket: it stands in no log.
        with open(s.log, encoding="utf-8") as log:
            assert all("*" in line for line in log if " /qr/" in line)

        # Staff see it.
        ada.open(f"{s.url}/#/staff/{s.event}")
        ada.type("#staff-token", STAFF)
        ada.click("#staff form button")
        ada.wait("return document.querySelector('#sales dd')?.textContent === '1'")
        ada.wait("[data-unit='80']")

        def warmth(unit):
            return float(ada.run("return document.querySelector(`[data-unit='${arguments[0]}'] .heat`).getAttribute('fill-opacity')", unit))
        assert warmth(chosen[1]) > 0 == warmth(400), (warmth(chosen[1]), warmth(400))
        for unit in range(400, 410):
            hold(s, unit)
        ada.wait("return document.querySelector(\"[data-unit='400'] .heat\").getAttribute('fill-opacity') > 0")

        keep(ada, "staff-desktop")
        ada.run("document.querySelector('.scale').scrollIntoView()")
        keep(ada, "heat-desktop")

        pays_once(ben, s, keep)
        late_answers(ben, s)
        clock_is_the_service_s(ben, s)
        streams_come_back_after_a_refusal(ada, s)
        streams_go_on(ada, s)

        # A cancelled event is seen at once after asking anew.
        s.tickets("status", str(s.event), "cancelled")
        ben.open(hall)
        ben.wait("return document.querySelector('#event-facts .badge.bad')?.textContent === 'cancelled'")
        with Browser(driver, 1280, 900, dark=True) as dark:
            dark.open(hall)
            dark.wait("[data-unit='80']")
            keep(dark, "hall-dark")
        for browser in (ada, ben):
            severe = [m for m in browser.complaints() if " 402 " not in m and "402 (" not in m and "/seatmap/stream" not in m]
            assert not severe, severe
    print("page: done")


main()
