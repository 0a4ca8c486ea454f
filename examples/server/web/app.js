// SPDX-License-Identifier: MIT
// app.js: the page: search as you type, an event with its hall, a reservation with its countdown, payment, tickets.
//
// All text of the service goes through textContent. The clock that counts is the service's: each answer that has one
// brings its `now`, and this page keeps the difference to the browser's.
import { Hall } from '/hall.js';
import { lookForQueue, showQueue } from '/queue.js';
import { showStaff, closeStaff } from '/staff.js';

const $ = (id) => document.getElementById(id);
const PAGE_SIZE = 20;
const AGAIN_MS = 2000;

export function el(name, properties = {}, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(properties))
    if (k.startsWith('on')) e.addEventListener(k.slice(2), v);
    else if (k in e && k !== 'list') e[k] = v;
    else e.setAttribute(k, v);
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

let messageTimer;
export function say(text) {
  $('message').textContent = text;
  $('message').hidden = false;
  clearTimeout(messageTimer);
  messageTimer = setTimeout(() => { $('message').hidden = true; }, 6000);
}

export class Refused extends Error {
  constructor(problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }
}

export async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { Accept: 'application/json', ...(options.headers || {}) } });
  if (!answer.ok && answer.status !== 304) throw new Refused(await answer.json().catch(() => ({ title: `status ${answer.status}` })));
  return { body: await answer.json(), headers: answer.headers };
}

const key = () => crypto.randomUUID();
export const post = (path, body, method = 'POST', idempotencyKey = key(), headers = {}) =>
  ask(path, { method, body: body ? JSON.stringify(body) : undefined, headers: { 'Idempotency-Key': idempotencyKey, ...headers } });

export function money(m) {
  if (!m) return 'free';
  try {
    return new Intl.NumberFormat(undefined, { style: 'currency', currency: m.currency }).format(Number(m.amount));
  } catch {
    return `${m.amount} ${m.currency}`;
  }
}

export function when(text) {
  if (!text.includes('T')) return new Date(`${text}T12:00:00Z`).toLocaleDateString(undefined, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
  const local = text.slice(0, 16); // the hour of the place, wherever the browser is
  return new Date(`${local}:00Z`).toLocaleString(undefined, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', timeZone: 'UTC' });
}

// An EventSource comes back by itself when its connection breaks, but never after an answer of another status (busy, too
// often): then it is opened anew, a while later, where it was. `begin` makes and fills it; `wanted` says whether still.
export function stay(begin, wanted) {
  const source = begin();
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED)
      setTimeout(() => { if (wanted()) stay(begin, wanted); }, AGAIN_MS * (1 + Math.random()));
  });
}

const place = (v) => (v ? [v.name, v.city, v.country].filter(Boolean).join(', ') : '');

// ---- search ---------------------------------------------------------------------------------------------------

const NEAR_METRES = 50000;
const search = { city: [], category: [], month: '', near: '', page: 1, asked: null };

function monthWindow(month) {
  const [y, m] = month.split('-').map(Number);
  return [`${month}-01`, new Date(Date.UTC(y, m, 0)).toISOString().slice(0, 10)];
}

function query() {
  const q = new URLSearchParams();
  const [from, to] = search.month ? monthWindow(search.month) : [$('start').value, $('end').value];
  if ($('keyword').value.trim()) q.set('keyword', $('keyword').value);
  if (from) q.set('start', from);
  if (to) q.set('end', to);
  if ($('price').value) q.set('maxPrice', $('price').value);
  if ($('available').checked) q.set('available', 'true');
  if (search.near) {
    q.set('near', search.near);
    q.set('radius', NEAR_METRES);
  }
  for (const c of search.city) q.append('city', c);
  for (const c of search.category) q.append('category', c);
  q.set('sort', $('sort').value);
  return q;
}

function eventItem(e) {
  const title = el('strong');
  if (e.highlight) title.append(...e.highlight.map((p) => (p.hit ? el('mark', {}, p.text) : p.text)));
  else title.textContent = e.name;
  const bad = e.status === 'cancelled' || e.status === 'postponed';
  return el('li', {}, el('a', { href: `#/event/${e.id}` }, title,
    el('div', { className: 'facts' }, el('span', {}, when(e.start)), el('span', {}, place(e.venue)),
      el('span', {}, e.price ? `from ${money(e.price)}` : ''), bad ? el('span', { className: 'badge bad' }, e.status) : null)));
}

function facetGroup(name, title, values, chosen) {
  if (values.length === 0) return null;
  const list = el('ul');
  for (const v of values.slice(0, 12)) {
    const on = chosen.includes(v.value);
    list.append(el('li', {}, el('button', { type: 'button', 'aria-pressed': String(on), onclick: () => {
      if (name === 'month') search.month = on ? '' : v.value;
      else search[name] = on ? search[name].filter((x) => x !== v.value) : [...search[name], v.value];
      search.page = 1;
      runSearch();
    } }, el('span', {}, v.value), el('span', { className: 'count' }, v.count.toLocaleString()))));
  }
  const open = matchMedia('(min-width: 52rem)').matches || chosen.length > 0;
  return el('details', { open }, el('summary', {}, title), list);
}

async function runSearch() {
  const q = query(), full = new URLSearchParams(q);
  full.set('page', search.page);
  full.set('pageSize', PAGE_SIZE);
  full.set('highlight', 'true');
  search.asked?.abort();
  search.asked = new AbortController();
  const signal = search.asked.signal;
  try {
    const [page, facets] = await Promise.all([ask(`/events/search?${full}`, { signal }), ask(`/events/facets?${q}`, { signal })]);
    const total = Number(page.headers.get('X-Total-Count'));
    $('found').textContent = `${page.headers.get('X-Total-Is-Lower-Bound') ? 'at least ' : ''}${total.toLocaleString()} event${total === 1 ? '' : 's'}`;
    $('events').replaceChildren(...page.body.map(eventItem));
    $('events').start = (search.page - 1) * PAGE_SIZE + 1;
    $('before').disabled = search.page === 1;
    $('after').disabled = search.page * PAGE_SIZE >= total;
    $('facets').replaceChildren(...[facetGroup('month', 'Month', facets.body.month, search.month ? [search.month] : []),
      facetGroup('city', 'City', facets.body.city, search.city),
      facetGroup('category', 'Kind', facets.body.category, search.category)].filter(Boolean));
  } catch (e) {
    if (e.name !== 'AbortError') say(e.message);
  }
}

let typing;
$('search-form').addEventListener('submit', (e) => { e.preventDefault(); runSearch(); });
for (const id of ['keyword', 'start', 'end', 'sort', 'price', 'available'])
  $(id).addEventListener('input', () => {
    search.page = 1;
    if (id === 'start' || id === 'end') search.month = '';
    clearTimeout(typing);
    typing = setTimeout(runSearch, 120);
  });
$('near').addEventListener('input', () => {
  search.page = 1;
  search.near = '';
  if (!$('near').checked) return runSearch();
  navigator.geolocation.getCurrentPosition(({ coords }) => {
    search.near = `${coords.latitude.toFixed(4)},${coords.longitude.toFixed(4)}`;
    runSearch();
  }, () => {
    $('near').checked = false;
    say('This browser does not say where you are.');
  }, { maximumAge: 600000, timeout: 10000 });
});
for (const [id, step] of [['before', -1], ['after', 1]])
  $(id).addEventListener('click', () => { search.page += step; runSearch(); scrollTo(0, 0); });

// ---- what this browser holds and has bought: numbers and tokens, kept until they are over --------------------------

export const kept = (name) => JSON.parse(localStorage.getItem(name) || '{}');
export const keep = (name, value) => localStorage.setItem(name, JSON.stringify(value));

// ---- an event ------------------------------------------------------------------------------------------------------

// What comes back after a wait is for a page that may have been left: whoever waited looks whether `shown` is his still.
export let shown = null; // { id, event, hall, seq, stream, hold, chosen, timer, busy }

function closeEvent() {
  shown?.stream?.close();
  shown?.hall?.close();
  shown?.queue?.close();
  clearInterval(shown?.timer);
  clearTimeout(shown?.edge);
  shown = null;
}

function listen(s) {
  s.stream = new EventSource(`/events/${s.id}/seatmap/stream?after=${s.seq}`);
  s.stream.addEventListener('map', (m) => {
    const map = JSON.parse(m.data);
    s.seq = map.seq;
    s.hall?.whole_map(map.states);
    for (const a of map.areas) showArea(s, a);
    for (const seat of s.chosen.values()) if (seat.state !== 'available') taken(s, seat);
  });
  s.stream.addEventListener('change', (m) => {
    const c = JSON.parse(m.data);
    s.seq = c.seq;
    if (c.kind === 'seats') {
      const left = c.until ? Date.parse(c.until) - (Date.now() + s.ahead) : undefined;
      for (const unit of c.units) {
        s.hall?.set(unit, c.state, left);
        if (c.state !== 'available' && s.chosen.has(unit)) taken(s, s.chosen.get(unit));
      }
      if (c.state !== 'available') s.lastDelta = performance.now();
    } else if (c.kind === 'area') showArea(s, c);
    else if (['event', 'sale', 'queue'].includes(c.kind)) refreshFacts(s, c.kind === 'sale');
    document.body.dataset.seq = c.seq;
  });
  return s.stream;
}

// A seat that was chosen here and taken by somebody else: while one's own wish is under way its answer says which.
function taken(s, seat) {
  if (s.busy || s.hold) return;
  s.chosen.delete(seat.unit);
  s.hall.own(seat.unit, false);
  say(`${seat.name} was just taken by somebody else.`);
  showBasket(s);
}

function showArea(s, a) {
  const out = document.querySelector(`[data-area="${a.areaId ?? a.id}"]`);
  if (out) out.textContent = `${a.available.toLocaleString()} of ${a.capacity.toLocaleString()} places free`;
}

function factsOf(e) {
  const bad = e.status === 'cancelled' || e.status === 'postponed';
  return [el('span', {}, when(e.start)), el('span', {}, place(e.venue)), e.price ? el('span', {}, `from ${money(e.price)}`) : null,
    bad ? el('span', { className: 'badge bad' }, e.status) : null].filter(Boolean);
}

const EDGE_MOST_MS = 86400000; // then it is looked at again; setTimeout takes no more than 24 days

// How long until each edge of the sale's windows that is to come.
const until = (s, edge) => s.event.sale.windows.map((w) => (w[edge] ? Date.parse(w[edge]) - (Date.now() + s.ahead) : 0)).filter((ms) => ms > 0);
const opensLater = (s) => ['scheduled', 'rescheduled'].includes(s.event.status) && until(s, 'opens').length > 0;

// The event as it is now: its waiting room, and a look when a window opens or closes.
function takeFacts(s, event) {
  s.event = event;
  const mode = event.sale.waitingRoom, next = Math.min(...until(s, 'opens'), ...until(s, 'closes'), EDGE_MOST_MS);
  s.room = mode !== undefined && mode !== 'open';
  if (mode === undefined) {
    s.queue?.close();
    s.place = null;
  }
  clearTimeout(s.edge);
  s.edge = setTimeout(() => { if (shown === s) refreshFacts(s); }, next + 1000);
}

export async function refreshFacts(s, priced) {
  try {
    const [{ body }, map] = await Promise.all([ask(`/events/${s.id}`, { cache: 'no-cache' }),
      priced ? ask(`/events/${s.id}/seatmap`, { cache: 'no-cache' }) : null]);
    if (shown !== s) return;
    takeFacts(s, body);
    if (map) {
      s.hall?.reprice(map.body.sections);
      for (const a of map.body.areas) document.querySelector(`[data-name="${a.id}"]`)?.replaceChildren(`${a.name}, ${money(a.price)}`);
    }
    $('event-facts')?.replaceChildren(...factsOf(body));
    showBasket(s);
  } catch (e) {
    if (shown === s) say(e.message);
  }
}

async function openEvent(id) {
  closeEvent();
  const s = { id, chosen: new Map(), ahead: 0 };
  shown = s;
  const box = $('event');
  box.replaceChildren(el('p', { className: 'quiet' }, 'One moment…'));
  const [{ body: e, headers }, { body: map }] = await Promise.all([ask(`/events/${id}`, { cache: 'no-cache' }), ask(`/events/${id}/seatmap`, { cache: 'no-cache' })]);
  if (shown !== s) return;
  s.seq = map.seq;
  s.ahead = Date.parse(headers.get('Date')) + 500 - Date.now() || 0; // of the service's clock, to half a second
  takeFacts(s, e);
  document.title = `${e.name} · Tickets`;
  const sale = el('div', { className: 'sale' }), left = el('div'), basket = el('section', { className: 'basket', id: 'basket', 'aria-label': 'Your places' });
  if (map.sections.length > 0) {
    s.hall = new Hall(map, (seat) => chooseSeat(s, seat));
    left.append(s.hall.element);
  }
  if (map.areas.length > 0) left.append(areaForms(s, map.areas));
  if (map.sections.length === 0 && map.areas.length === 0) left.append(el('p', { className: 'quiet' }, 'Tickets for this event are not sold here.'));
  sale.append(left, basket);
  box.replaceChildren(el('h1', {}, e.name), el('p', { className: 'facts', id: 'event-facts' }, ...factsOf(e)), sale,
    e.description ? el('p', {}, e.description) : null ?? '',
    el('p', { className: 'quiet' }, el('a', { href: `/events/${id}/ics` }, 'Add to calendar')));
  stay(() => listen(s), () => shown === s);
  await resumeHold(s);
  await lookForQueue(s);
  showBasket(s);
}

function areaForms(s, areas) {
  const box = el('div', { className: 'areas' });
  for (const a of areas) {
    const n = el('input', { type: 'number', min: 1, max: 20, value: 1, id: `area-${a.id}` });
    const facts = el('span', { className: 'quiet', 'data-area': a.id });
    box.append(el('div', { className: 'area' }, el('h2', { 'data-name': a.id }, `${a.name}, ${money(a.price)}`), facts,
      el('div', { className: 'row' }, el('div', { className: 'field' }, el('label', { htmlFor: n.id }, 'Places'), n),
        el('button', { className: 'main', type: 'button', onclick: () => reserve(s, { areaId: a.id, quantity: Number(n.value) }) }, 'Reserve'))));
    setTimeout(() => showArea(s, a));
  }
  return box;
}

function chooseSeat(s, seat) {
  if (!s.event.sale.open) return say('This event is not on sale.');
  if (s.hold) return say('You hold places already: pay for them or give them back first.');
  if (s.chosen.has(seat.unit)) s.chosen.delete(seat.unit);
  else s.chosen.set(seat.unit, seat);
  s.hall.own(seat.unit, s.chosen.has(seat.unit));
  showBasket(s);
}

// ---- reserving and paying ----------------------------------------------------------------------------------------------

// One wish at a time; one that was not answered is asked for again with its own key, so it is not taken twice.
async function reserve(s, wish) {
  const text = JSON.stringify(wish);
  if (s.busy) return;
  if (s.hold) return say('You hold places already: pay for them or give them back first.');
  if (s.wish?.text !== text) s.wish = { text, key: key() };
  s.busy = true;
  try {
    const { body } = await post(`/events/${s.id}/reservations`, wish, 'POST', s.wish.key, s.place?.admission ? { Admission: s.place.admission } : {});
    s.wish = null;
    keep('holds', { ...kept('holds'), [s.id]: body.holdToken });
    if (shown === s) takeHold(s, body);
  } catch (e) {
    if (e instanceof Refused) s.wish = null;
    for (const c of e.problem?.causes || []) {
      if (c.unit) {
        s.chosen.delete(c.unit);
        s.hall?.own(c.unit, false);
      }
    }
    say(e.message);
  } finally {
    s.busy = false;
  }
  showBasket(s);
}

function takeHold(s, hold) {
  s.hold = hold;
  s.payKey = key();
  s.ahead = Date.parse(hold.now) - Date.now();
  for (const unit of s.chosen.keys()) s.hall?.own(unit, false);
  s.chosen.clear();
  for (const seat of hold.seats) s.hall?.own(seat.unit, true);
  clearInterval(s.timer);
  s.timer = setInterval(() => tick(s), 250);
}

function dropHold(s) {
  for (const seat of s.hold?.seats || []) s.hall?.own(seat.unit, false);
  s.hold = null;
  clearInterval(s.timer);
  const holds = kept('holds');
  delete holds[s.id];
  keep('holds', holds);
}

async function resumeHold(s) {
  const token = kept('holds')[s.id];
  if (!token) return;
  try {
    const { body } = await ask(`/reservations/${token}`);
    if (body.state === 'booked' && body.bookingId) bought(body.bookingId, token);
    if (shown !== s) return;
    if (body.state === 'active') takeHold(s, body);
    else if (body.state === 'in_payment') say('Your payment is under way. Look again in a moment: nothing is charged twice.');
    else dropHold(s);
  } catch (e) {
    if (e instanceof Refused && shown === s) dropHold(s);
  }
}

// The booking is this browser's from now on.
function bought(bookingId, token) {
  keep('bookings', { ...kept('bookings'), [bookingId]: token });
}

function tick(s) {
  if (shown !== s || !s.hold || s.busy) return; // while it is paid for, the service decides
  const clock = $('clock');
  const left = Math.max(0, Math.ceil((Date.parse(s.hold.expires) - (Date.now() + s.ahead)) / 1000));
  if (clock) {
    clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`;
    clock.classList.toggle('soon', left < 60);
  }
  if (left === 0) {
    dropHold(s);
    showBasket(s);
    say('The time for these places is over; they are free for others again.');
  }
}

async function giveBack(s) {
  if (s.busy) return;
  try {
    await post(`/reservations/${s.hold.holdToken}`, null, 'DELETE');
  } catch (e) {
    say(e.message);
  }
  dropHold(s);
  showBasket(s);
}

// An attempt has one key until its outcome is known: who heard nothing asks again, and is charged once.
async function pay(s, card) {
  const token = s.hold.holdToken;
  if (s.busy) return;
  s.busy = true;
  $('pay').disabled = true;
  try {
    const { body } = await post(`/reservations/${token}/confirm`, { paymentDetails: { card } }, 'POST', s.payKey);
    bought(body.bookingId, token);
    if (shown !== s) return;
    dropHold(s);
    $('message').hidden = true;
    location.hash = `#/mine/${body.bookingId}`;
  } catch (e) {
    if (shown === s) await notPaid(s, token, e);
  } finally {
    s.busy = false;
  }
  if (shown === s && $('pay')) $('pay').disabled = false;
}

async function notPaid(s, token, e) {
  if (!(e instanceof Refused)) return say('There was no answer. Press Pay again: nothing is charged twice.');
  s.payKey = key();
  const { body } = await ask(`/reservations/${token}`).catch(() => ({}));
  if (body?.state === 'booked' && body.bookingId) {
    bought(body.bookingId, token);
    dropHold(s);
    location.hash = `#/mine/${body.bookingId}`;
  } else if (body?.state === 'active') {
    s.hold.expires = body.expires;
    say(e.problem.code === 'declined' ? 'The payment was declined. Your places are still yours: try another card.' : e.message);
  } else {
    say(body?.state === 'in_payment' ? 'Your payment is under way. Look again in a moment: nothing is charged twice.' : e.message);
    if (body?.state !== 'in_payment') dropHold(s);
    showBasket(s);
  }
}

export function showBasket(s) {
  const box = $('basket');
  if (!box || shown !== s) return;
  if (s.hold && s.drawn === s.hold) return tick(s); // what is being typed stays
  s.drawn = s.hold;
  if (s.hold) return showHold(s, box);
  if ((s.event.sale.open || opensLater(s)) && showQueue(s, box)) return;
  if (!s.event.sale.open) {
    const opens = s.event.sale.windows.find((w) => w.opens && Date.parse(w.opens) > Date.now() + s.ahead)?.opens;
    box.replaceChildren(el('p', { className: 'quiet' }, opensLater(s) ? `On sale from ${new Date(opens).toLocaleString()}.`
      : ['scheduled', 'rescheduled'].includes(s.event.status) ? 'Not on sale now.' : `Not on sale: the event is ${s.event.status}.`));
    return;
  }
  if (s.chosen.size === 0) {
    box.replaceChildren(el('p', { className: 'quiet' }, s.hall ? 'Choose your seats in the hall.' : 'Choose how many places you want.'));
    return;
  }
  const seats = [...s.chosen.values()];
  const priced = seats.filter((x) => x.price);
  const sum = priced.reduce((a, x) => a + x.price.minor, 0);
  const decimals = priced[0] ? (priced[0].price.amount.split('.')[1] || '').length : 0;
  const total = priced[0] ? { amount: (sum / 10 ** decimals).toFixed(decimals), currency: priced[0].price.currency } : null;
  box.replaceChildren(el('h2', {}, `${seats.length} seat${seats.length === 1 ? '' : 's'} chosen`),
    el('ul', {}, ...seats.map((x) => el('li', {}, x.name))), el('p', { className: 'total' }, money(total)),
    el('button', { id: 'reserve', className: 'main', type: 'button', onclick: () => reserve(s, { ticketId: [...s.chosen.keys()] }) }, 'Reserve for me'));
}

function showHold(s, box) {
  const card = el('input', { id: 'card', autocomplete: 'cc-number', inputMode: 'numeric', value: '4242 4242 4242 4242' });
  const form = el('form', { onsubmit: (e) => { e.preventDefault(); pay(s, card.value); } },
    el('div', { className: 'field grow' }, el('label', { htmlFor: 'card' }, 'Card (a made-up one; write "decline" to see it refused)'), card),
    el('button', { id: 'pay', className: 'main' }, `Pay ${money(s.hold.total)}`),
    el('button', { id: 'give-back', type: 'button', onclick: () => giveBack(s) }, 'Give back'));
  box.replaceChildren(el('h2', {}, 'Reserved for you'),
    el('p', {}, 'Yours for ', el('span', { id: 'clock', className: 'clock', role: 'timer' }, '…')),
    el('ul', {}, ...s.hold.seats.map((x) => el('li', {}, `${x.section}, row ${x.row}, seat ${x.label}`)),
      s.hold.quantity ? el('li', {}, `${s.hold.quantity} place${s.hold.quantity === 1 ? '' : 's'}`) : null ?? ''),
    el('p', { className: 'total' }, money(s.hold.total)), form);
  tick(s);
}

// ---- tickets ---------------------------------------------------------------------------------------------------------------

let visit = 0; // to the tickets: what comes back for an earlier one is dropped

async function showMine(first) {
  const box = $('my-bookings'), mine = ++visit;
  const bookings = Object.entries(kept('bookings')).sort(([a], [b]) => (b === first) - (a === first) || b - a);
  if (bookings.length === 0) {
    box.replaceChildren(el('p', { className: 'quiet' }, 'Tickets that you buy with this browser are shown here.'));
    return;
  }
  box.replaceChildren();
  for (const [id, token] of bookings) {
    try {
      const { body: b } = await ask(`/bookings/${id}`, { headers: { 'Hold-Token': token } });
      const { body: e } = await ask(`/events/${b.eventId}`);
      if (mine !== visit) return;
      box.append(el('h2', {}, e.name), el('p', { className: 'facts' }, el('span', {}, when(e.start)), el('span', {}, place(e.venue)),
        el('span', {}, `booking ${b.bookingId}`), el('span', { className: 'badge' }, b.state.replace('_', ' '))));
      for (const t of b.tickets)
        box.append(el('article', { className: 'ticket' }, el('img', { src: `/qr/${t.code}.svg`, alt: `QR code of ticket ${t.code}` }),
          el('div', {}, el('strong', {}, t.label ? `${t.section}, row ${t.row}, seat ${t.label}` : 'General admission'), el('br'),
            el('code', {}, t.code), el('br'), t.state === 'void' ? el('span', { className: 'badge bad' }, 'void') : money(t.price))));
    } catch (e) {
      if (mine !== visit) return;
      box.append(el('p', { className: 'quiet' }, `booking ${id}: ${e.message}`));
    }
  }
}

// ---- which page ---------------------------------------------------------------------------------------------------------------

async function route() {
  const here = location.hash;
  const [, name = '', id] = location.hash.split('/');
  const page = ['event', 'mine', 'staff'].includes(name) ? name : 'search';
  for (const section of ['search', 'event', 'mine', 'staff']) $(section).hidden = section !== page;
  if (page !== 'event') closeEvent();
  if (page !== 'staff') closeStaff();
  document.title = 'Tickets';
  try {
    if (page === 'event') await openEvent(Number(id));
    else if (page === 'mine') await showMine(id);
    else if (page === 'staff') await showStaff(id ? Number(id) : null);
    else await runSearch();
  } catch (e) {
    if (location.hash === here) $(page).replaceChildren(el('h1', {}, 'Not here'), el('p', {}, e.message), el('a', { href: '#/' }, 'To the search'));
  }
}

addEventListener('hashchange', () => { $('message').hidden = true; route(); $('main').focus(); scrollTo(0, 0); });
$('start').value = new Date().toISOString().slice(0, 10);
route();
