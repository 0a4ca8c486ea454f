# SPDX-License-Identifier: MIT
"""A sale from Python by ctypes alone, as a first foreign user would write it: no compiler, no wrapper.

python3 sale.py LIBRARY: opens a store, views an event without a copy, reserves, is refused and reads why,
confirms through a payment callback written here, shows the tickets, replays, and checks the store.
"""
import ctypes as C
import sys
import tempfile
from ctypes import byref, c_int32 as i32, c_int64 as i64, c_size_t as size_t, c_uint8 as u8, c_uint32 as u32, c_uint64 as u64, c_void_p as ptr

lib = C.CDLL(sys.argv[1])
DONE, REPLAYED, ALL_HELD, DECLINED = 0, 1, 67, 76
APPROVED, REFUSED = 1, 2


class Text(C.Structure):
    _fields_ = [("ptr", C.c_char_p), ("len", size_t)]

    def __str__(self):
        return C.string_at(self.ptr, self.len).decode()


def text(s):
    return Text(s.encode(), len(s.encode()))


def sized(name, fields):
    """A structure whose first member is its size."""
    made = type(name, (C.Structure,), {"_fields_": [("size", u32)] + fields})
    return lambda **members: made(size=C.sizeof(made), **members)


Created = sized("tkt_created", [("replayed", u32), ("id", u64)])
Event = sized("tkt_event", [
    ("status", u32), ("id", u64), ("venue_id", u64), ("start_ms", i64), ("end_ms", i64), ("start_offset_min", i32),
    ("end_offset_min", i32), ("flags", u32), ("performer_count", u32), ("price_minor", i64),
    ("price_high_minor", i64), ("currency", C.c_char * 4), ("reserved", u32), ("external_id", Text), ("name", Text),
    ("description", Text), ("type", Text), ("category", Text), ("language", Text), ("url", Text), ("performer_ids", ptr), ("record", ptr)])
Reserve = sized("tkt_reserve_request", [
    ("flags", u32), ("event_id", u64), ("units", C.POINTER(u32)), ("unit_count", u32), ("area_id", u32), ("quantity", u32),
    ("reserved", u32), ("user_id", u64), ("ttl_ms", i64), ("hard_cap_ms", i64), ("buyer_key", u8 * 16), ("key", u8 * 16)])
Hold = sized("tkt_hold", [
    ("replayed", u32), ("event_id", u64), ("user_id", u64), ("booking_id", u64), ("intent_id", u64), ("expires_ms", i64),
    ("hard_cap_ms", i64), ("total_minor", i64), ("state", u32), ("unit_count", u32), ("area_id", u32), ("quantity", u32),
    ("claim", u32), ("currency", C.c_char * 4), ("token", u8 * 32)])
Confirm = sized("tkt_confirm_request", [("flags", u32), ("details", Text), ("token", u8 * 32), ("key", u8 * 16)])
Booking = sized("tkt_booking", [
    ("replayed", u32), ("id", u64), ("event_id", u64), ("user_id", u64), ("intent_id", u64), ("first_ticket", u64),
    ("created_ms", i64), ("total_minor", i64), ("captured_minor", i64), ("refunded_minor", i64), ("hold_expires_ms", i64),
    ("state", u32), ("ticket_count", u32), ("claim", u32), ("currency", C.c_char * 4), ("buyer_key", u8 * 16)])
Ticket = sized("tkt_ticket", [
    ("state", u32), ("id", u64), ("booking_id", u64), ("event_id", u64), ("price_minor", i64), ("unit", u32), ("area_id", u32),
    ("generation", u32), ("currency", C.c_char * 4), ("code", u8 * 16)])
Cause = sized("tkt_cause", [
    ("kind", u32), ("id", u64), ("unit", u32), ("reserved", u32), ("limit", i64), ("have", i64), ("asked", i64), ("earliest_ms", i64)])


class Charge(C.Structure):
    _fields_ = [("size", u32), ("reserved", u32), ("intent_id", u64), ("booking_id", u64), ("event_id", u64),
                ("amount_minor", i64), ("currency", C.c_char * 4), ("refund_number", u32), ("provider_key", u8 * 16), ("details", Text)]


PayFn = C.CFUNCTYPE(i32, ptr, C.POINTER(Charge))
Payment = sized("tkt_payment", [("reserved", u32), ("user", ptr), ("charge", PayFn), ("status", PayFn), ("refund", PayFn),
                                ("window_ms", i64), ("pin_cap_ms", i64)])

lib.tkt_error_text.restype = lib.tkt_cause_name.restype = C.c_char_p
lib.tkt_event_set_area.argtypes = [ptr, u64, Text, u32, u32, C.POINTER(u32)]
lib.tkt_event_set_price.argtypes = [ptr, u64, u32, u32, i64, C.c_char_p, u32]
lib.tkt_event_view.argtypes = lib.tkt_ticket_view.argtypes = [ptr, u64, ptr]
lib.tkt_store_open.argtypes = [C.c_char_p, size_t, ptr, ptr]
lib.tkt_store_close.argtypes = lib.tkt_snapshot_end.argtypes = lib.tkt_options_free.argtypes = [ptr]


def do(status, want=DONE):
    assert status == want, (status, lib.tkt_error_text())


with tempfile.TemporaryDirectory() as folder:
    options, store, snapshot, area = ptr(), ptr(), ptr(), u32()
    path = (folder + "/store").encode()
    do(lib.tkt_options_new(byref(options)))
    do(lib.tkt_options_set_create(options, i32(1)))
    do(lib.tkt_store_open(path, len(path), options, byref(store)))
    lib.tkt_options_free(options)

    made = Created()
    event = Event(name=text("Ein Abend für zwei"), start_ms=1893456000000)
    do(lib.tkt_event_create(store, byref(event), None, u32(0), byref(made)))
    do(lib.tkt_event_set_area(store, made.id, text("Parkett"), 3, 0, byref(area)))
    do(lib.tkt_event_set_price(store, made.id, 2, area, 4550, b"EUR", 0))
    do(lib.tkt_snapshot_begin(store, byref(snapshot)))
    seen = Event()
    do(lib.tkt_event_view(snapshot, made.id, byref(seen)))
    assert str(seen.name) == "Ein Abend für zwei" and seen.start_ms == 1893456000000

    charges = []

    @PayFn
    def charge(user, c):
        charges.append((c[0].amount_minor, c[0].currency, str(c[0].details), bytes(c[0].provider_key)))
        return APPROVED if "gold" in charges[-1][2] else REFUSED

    payment = Payment(charge=charge, status=charge, refund=charge)  # kept alive here for as long as the store
    do(lib.tkt_store_set_payment(store, byref(payment)))

    request = Reserve(event_id=made.id, area_id=area.value, quantity=2, key=(u8 * 16)(7))
    hold, again, other = Hold(), Hold(), Hold()
    do(lib.tkt_reserve(store, byref(request), byref(hold)))
    do(lib.tkt_reserve(store, byref(request), byref(again)), REPLAYED)
    assert bytes(again.token) == bytes(hold.token) and hold.total_minor == 9100

    do(lib.tkt_reserve(store, byref(Reserve(event_id=made.id, area_id=area.value, quantity=2)), byref(other)), ALL_HELD)
    cause = Cause()
    do(lib.tkt_error_cause(u32(0), byref(cause)))
    assert lib.tkt_cause_name(u32(cause.kind)) == b"area_held", lib.tkt_cause_name(u32(cause.kind))
    assert cause.id == area.value and cause.earliest_ms == hold.expires_ms and cause.asked == 2

    booking = Booking()
    do(lib.tkt_confirm(store, byref(Confirm(token=hold.token, details=text("tin"))), byref(booking)), DECLINED)
    do(lib.tkt_confirm(store, byref(Confirm(token=hold.token, details=text("gold"))), byref(booking)))
    assert [c[:3] for c in charges] == [(9100, b"EUR", "tin"), (9100, b"EUR", "gold")] and charges[0][3] != charges[1][3]
    assert booking.ticket_count == 2 and booking.captured_minor == 9100

    do(lib.tkt_snapshot_renew(snapshot))
    codes = set()
    for number in range(booking.ticket_count):
        ticket, code = Ticket(), (C.c_char * 26)()
        do(lib.tkt_ticket_view(snapshot, booking.first_ticket + number, byref(ticket)))
        lib.tkt_code_format(ticket.code, code)
        codes.add(code.raw)
    assert len(codes) == 2, codes
    lib.tkt_snapshot_end(snapshot)

    problems = u64(9)
    do(lib.tkt_check(store, None, None, byref(problems)))
    assert problems.value == 0
    lib.tkt_store_close(store)
print("sold from Python:", *sorted(c.decode() for c in codes))
