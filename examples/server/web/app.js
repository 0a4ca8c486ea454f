// SPDX-License-Identifier: MIT
// app.js: the page: what its parts share, an event with its hall, which part is shown. search.js searches, buy.js reserves,
// pays and shows tickets, queue.js is the waiting room, staff.js the staff's.
//
// All text of the service goes through textContent. The clock that counts is the service's: each answer that has one
// brings its `now`, and this page keeps the difference to the browser's.
import { Hall } from '/hall.js';
import { reserve, resumeHold, showBasket, showMine } from '/buy.js';
import { lookForQueue } from '/queue.js';
import { leaveSearch, showSearch } from '/search.js';
import { showStaff, closeStaff } from '/staff.js';

// Functions and not values, where a part uses them while it is read: the parts are read before this one.
export function $(id) {
  return document.getElementById(id);
}
export const AGAIN_MS = 2000;

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

// For who does not see the page: what a press came to.
export function announce(text) {
  $('announce').textContent = text;
}

// Draws a box anew without losing who stands in it with the keyboard: on the same control if there is one, else on the
// box's heading.
export function redraw(box, ...children) {
  const stood = box.contains(document.activeElement) ? document.activeElement.id : null;
  box.replaceChildren(...children);
  if (stood === null) return;
  const to = (stood && $(stood)) || box.querySelector('h2') || box;
  if (!to.matches('button, input, a')) to.tabIndex = -1;
  to.focus({ preventScroll: true });
}

// An answer that says no. `later`: it says nothing of what was asked for, only that this was no time to ask.
export class Refused extends Error {
  constructor(problem, status) {
    super(problem.detail || problem.title);
    this.problem = problem;
    this.later = status === 429 || status >= 500;
  }
}

// Whether it is known now: no answer, and one that puts off, leave it open.
export const isFinal = (e) => e instanceof Refused && !e.later;

export async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { Accept: 'application/json', ...(options.headers || {}) } });
  if (!answer.ok && answer.status !== 304) throw new Refused(await answer.json().catch(() => ({ title: `status ${answer.status}` })), answer.status);
  return { body: await answer.json(), headers: answer.headers };
}

export const key = () => crypto.randomUUID();
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

export const place = (v) => (v ? [v.name, v.city, v.country].filter(Boolean).join(', ') : '');

// ---- what this browser holds and has bought: numbers and tokens, kept until they are over --------------------------

export const kept = (name) => JSON.parse(localStorage.getItem(name) || '{}');
export const keep = (name, value) => localStorage.setItem(name, JSON.stringify(value));

// ---- an event ------------------------------------------------------------------------------------------------------

// What comes back after a wait is for a page that may have been left: whoever waited looks whether `shown` is his still.
export let shown = null; // { id, event, hall, at, stream, hold, chosen, timer, busy }

function closeEvent() {
  shown?.stream?.close();
  shown?.hall?.close();
  shown?.queue?.close();
  clearInterval(shown?.timer);
  clearTimeout(shown?.edge);
  shown = null;
}

function listen(s) {
  s.stream = new EventSource(`/events/${s.id}/seatmap/stream?after=${s.at}`);
  s.stream.addEventListener('map', (m) => {
    const map = JSON.parse(m.data);
    s.at = m.lastEventId;
    s.hall?.whole_map(map.states);
    for (const a of map.areas) showArea(s, a);
    for (const seat of s.chosen.values()) if (seat.state !== 'available') taken(s, seat);
  });
  s.stream.addEventListener('change', (m) => {
    const c = JSON.parse(m.data);
    s.at = m.lastEventId;
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
export const opensLater = (s) => ['scheduled', 'rescheduled'].includes(s.event.status) && until(s, 'opens').length > 0;

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
    if (shown !== s) return;
    s.gone = e.problem?.status === 404;
    say(e.message);
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
  s.at = map.streamId;
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
  stay(() => listen(s), () => {
    if (shown === s) refreshFacts(s); // it may be there no more
    return shown === s && !s.gone;
  });
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

// ---- which page ---------------------------------------------------------------------------------------------------------------

async function route() {
  const here = location.hash;
  const [, name = '', id] = location.hash.split('/');
  const page = ['event', 'mine', 'staff'].includes(name) ? name : 'search';
  for (const section of ['search', 'event', 'mine', 'staff']) $(section).hidden = section !== page;
  if (page !== 'search') leaveSearch();
  if (page !== 'event') closeEvent();
  if (page !== 'staff') closeStaff();
  document.title = 'Tickets';
  try {
    if (page === 'event') await openEvent(Number(id));
    else if (page === 'mine') await showMine(id);
    else if (page === 'staff') await showStaff(id ? Number(id) : null);
    else await showSearch();
  } catch (e) {
    if (location.hash !== here) return;
    const there = isFinal(e);
    $(page).replaceChildren(el('h1', {}, there ? 'Not here' : 'No answer'), el('p', {}, e instanceof Refused ? e.message : 'The service did not answer.'),
      there ? '' : el('p', {}, el('button', { type: 'button', onclick: route }, 'Try again')), el('a', { href: '#/' }, 'To the search'));
  }
}

addEventListener('hashchange', () => { $('message').hidden = true; route(); $('main').focus(); scrollTo(0, 0); });
route();
