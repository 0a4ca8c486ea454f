# SPDX-License-Identifier: MIT
"""waiting_room.py SERVER TOOL DATA [PICTURES]: five hundred clients in a waiting room over HTTP, and one in a browser.

All join before the start, twice each; at the start every place is somebody's; they are let in by place, and those who
come later after them. Whoever is let in reserves with his admission, and with no other, and pays. A server process is
killed in the middle: nobody's place and no booking that was acknowledged is lost.
"""
import os
import shutil
import signal
import sys
import threading
import time

from service import STAFF, Service
from webdriver import Browser, Driver

CLIENTS, THREADS, LATE = 500, 16, 20


def cookie(i):
    return {"Cookie": f"tkt_session={i:032x}"}


def patiently(s, *args, **more):
    """A process that was killed has answered nothing: the same request again."""
    for _ in range(200):
        try:
            return s.call(*args, **more)
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"never answered: {args}")


def everyone(numbers, work):
    failed = []

    def some(first):
        try:
            for i in numbers[first::THREADS]:
                work(i)
        except BaseException as e:  # noqa: BLE001: told by the main thread
            failed.append(e)
    threads = [threading.Thread(target=some, args=(k,)) for k in range(THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failed:
        raise failed[0]


def sale(s):
    there = f"/events/{s.event}/queue"
    opens = time.time() + 8
    room = {"opens": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(opens + 1)), "perMinute": 12000, "burst": 40, "active": 60}
    assert s.call("PUT", there + "/room", room)[0] == 401
    status, _, told = s.call("PUT", there + "/room", room, role=STAFF)
    assert status == 200 and "seed" not in told, told
    assert s.call("POST", f"/events/{s.event}/reservations", {"ticketId": 64}, cookie(1))[2]["code"] == "not_admitted"
    assert s.call("POST", there)[0] == 401

    def join(i):
        number = patiently(s, "POST", there, headers=cookie(i))[2]["number"]
        again = patiently(s, "POST", there, headers=cookie(i))[2]
        assert again["number"] == number and (again["state"] == "early" or i > CLIENTS), again
    everyone(list(range(1, CLIENTS + 1)), join)
    assert s.call("GET", there + "/room")[2]["early"] == CLIENTS, "not all came before the start: a slow machine"
    while s.call("GET", there + "/room")[2].get("seed") is None:
        time.sleep(0.1)
    everyone(list(range(CLIENTS + 1, CLIENTS + LATE + 1)), join)

    # Forged and foreign admissions, once somebody has one.
    admitted, order, booked, lock = {}, [], {}, threading.Lock()
    seats = iter(x["unit"] for sec in s.call("GET", f"/events/{s.event}/seatmap")[2]["sections"] for r in sec["rows"] for x in r["seats"])

    def buy(i, place):
        with lock:
            admitted[i] = place["place"]
            order.append(place["place"])
            seat = next(seats)
        bad = place["admission"][:-1] + ("0" if place["admission"][-1] != "0" else "1")
        for token, who in ((bad, i), (place["admission"], CLIENTS + LATE + 1)):
            got = patiently(s, "POST", f"/events/{s.event}/reservations", {"ticketId": seat}, {"Admission": token, **cookie(who)})
            assert got[0] == 403 and got[2]["code"] == "not_admitted", got
        key = {"Idempotency-Key": f"buyer-{i}", "Admission": place["admission"], **cookie(i)}
        wish = {"ticketId": seat, "paymentDetails": "ok"}
        got = patiently(s, "POST", f"/bookings/{s.event}", wish, key)
        if got[0] == 402:
            # The process died before it charged: the same key never charges again, so that attempt counts as declined.
            got = patiently(s, "POST", f"/bookings/{s.event}", wish, {**key, "Idempotency-Key": f"buyer-{i}-again"})
        assert got[0] == 201, got
        with lock:
            booked[i] = got[2]["bookingId"]
        # The admission went with the booking: it can't be played again.
        got = patiently(s, "POST", f"/events/{s.event}/reservations", {"ticketId": seat}, {"Admission": place["admission"], **cookie(i)})
        assert got[0] == 403, got

    def wait(i):
        while True:
            place = patiently(s, "GET", there, headers=cookie(i))[2]
            assert place["state"] in ("early", "waiting", "admitted"), place
            if place["state"] == "admitted":
                return buy(i, place)
            time.sleep(0.02)

    def strike():
        time.sleep(1.0)
        os.kill(s.workers()[0], signal.SIGKILL)
    s.restarts_expected = True
    threading.Thread(target=strike).start()
    began = time.monotonic()
    # By place, so that the few threads poll those whose turn is near.
    places = {}
    everyone(list(range(1, CLIENTS + LATE + 1)), lambda i: places.__setitem__(i, patiently(s, "GET", there, headers=cookie(i))[2]))
    rank = {i: p.get("place", p["number"]) for i, p in places.items()}
    assert sorted(rank.values()) == list(range(CLIENTS + LATE)), "places are not one for each"
    assert all(rank[i] >= CLIENTS for i in range(CLIENTS + 1, CLIENTS + LATE + 1))
    shuffled = sum(rank[i] == places[i]["number"] for i in range(1, CLIENTS + 1))
    assert shuffled < 20, f"{shuffled} of {CLIENTS} stand where they joined"
    everyone(sorted(rank, key=rank.get), wait)
    seconds = time.monotonic() - began
    # Many answers are on their way at once: nobody is seen further ahead than may be at the counter.
    for k, place in enumerate(order):
        assert abs(place - k) <= 60 + THREADS, (k, place)
    assert len(booked) == CLIENTS + LATE == len(set(booked.values()))
    sales = s.call("GET", f"/events/{s.event}/sales", role=STAFF)[2]
    assert sales["bookings"] == CLIENTS + LATE == sales["tickets"], sales
    print(f"{CLIENTS + LATE} clients let in by place and served in {seconds:.1f} s, one process killed on the way")


def browser(s, pictures):
    there = f"/events/{s.event}/queue"
    s.call("PUT", there + "/room", {"perMinute": 1, "burst": 1, "active": 1000}, role=STAFF)
    for i in range(900, 903):
        s.call("POST", there, headers=cookie(i))
    with Driver() as driver, Browser(driver, 390, 844, phone=True) as b:
        b.open(f"{s.url}/#/event/{s.event}")
        b.click("#join")
        b.wait("#ahead")
        assert int(b.run("return document.querySelector('#ahead').textContent")) >= 1
        if pictures:
            os.makedirs(pictures, exist_ok=True)
            b.picture(os.path.join(pictures, "queue-phone.png"))
        # Neither place nor state changes: the stream tells it all the same.
        s.call("PUT", there + "/room", {"mode": "paused"}, role=STAFF)
        b.wait("return document.querySelector('#queue-text')?.textContent.startsWith('Nobody is let in')")
        s.call("PUT", there + "/room", {"mode": "runs", "perMinute": 600, "burst": 100}, role=STAFF)
        b.wait("return document.querySelector('#basket')?.textContent.includes('Choose your seats')", 20)
        free = b.run("return Number(document.querySelector('[data-state=available]').dataset.unit)")
        b.run("document.querySelector(`[data-unit='${arguments[0]}']`).dispatchEvent(new MouseEvent('click', {bubbles: true}))", free)
        b.click("#reserve")
        b.wait("#clock")
    print("the browser's turn came")


def main():
    with Service(*sys.argv[1:4], processes=2, threads=8) as s:
        sale(s)
        if shutil.which("chromium") and shutil.which("chromedriver") and len(sys.argv) > 4:
            browser(s, sys.argv[4])


main()
