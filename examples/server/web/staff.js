// SPDX-License-Identifier: MIT
// staff.js: how an event sells: numbers, bookings over time, a heat map of the hall, each section's share. The staff's token
// stays in this tab and goes with each request.
import { Hall } from '/hall.js';
import { ask, el, say, stay } from '/app.js';

const NS = 'http://www.w3.org/2000/svg';
const LOOK_MS = 3000;
const FINAL = [401, 403, 404]; // after another answer, or none, it looks again
const HEAT_MS = 2000; // between two drawings of the heat, at least: each looks at all neighbours of all seats
let timer = null, hall = null, stream = null, heating = null;
let visit = 0; // what comes back after a wait for an earlier one is dropped

export function closeStaff() {
  visit++;
  clearInterval(timer);
  clearTimeout(heating);
  hall?.close();
  stream?.close();
  timer = hall = stream = heating = null;
}

const token = () => sessionStorage.getItem('staff') || '';
const staffAsk = (path) => ask(path, { headers: { Authorization: `Bearer ${token()}` }, cache: 'no-store' });

function form(id) {
  const secret = el('input', { id: 'staff-token', type: 'password', autocomplete: 'off', value: token() });
  const event = el('input', { id: 'staff-event', type: 'number', min: 1, value: id ?? '' });
  return el('form', { onsubmit: (e) => {
    e.preventDefault();
    sessionStorage.setItem('staff', secret.value);
    if (location.hash === `#/staff/${event.value}`) showStaff(Number(event.value));
    else location.hash = `#/staff/${event.value}`;
  } }, el('div', { className: 'field' }, el('label', { htmlFor: 'staff-token' }, 'Staff token'), secret),
  el('div', { className: 'field' }, el('label', { htmlFor: 'staff-event' }, 'Event number'), event),
  el('button', { className: 'main' }, 'Show'));
}

// Tickets sold in all, as a line that only rises.
function curve(points) {
  const svg = document.createElementNS(NS, 'svg');
  let sum = 0;
  if (points.length === 1) points = [{ ...points[0], tickets: 0 }, points[0]];
  const ys = points.map((p) => (sum += p.tickets)), top = Math.max(1, sum), last = Math.max(1, points.length - 1);
  const line = ys.map((y, i) => `${i === 0 ? 'M' : 'L'}${(i / last * 100).toFixed(2)} ${(100 - y / top * 96).toFixed(2)}`).join('');
  svg.setAttribute('viewBox', '0 0 100 100');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', `${sum} tickets from ${points[0]?.from ?? 'now'} to ${points.at(-1)?.from ?? 'now'}`);
  for (const [cls, d] of [['fill', points.length ? `${line}L100 100L0 100z` : ''], ['line', line]]) {
    const p = document.createElementNS(NS, 'path');
    p.setAttribute('class', cls);
    p.setAttribute('d', d);
    svg.append(p);
  }
  return svg;
}

function numbers(s) {
  const all = s.places.available + s.places.reserved + s.places.booked;
  const rows = [['Bookings', s.bookings], ['Tickets', s.tickets], ['Reserved now', s.places.reserved], ['Free', s.places.available],
    ['Sold', `${all ? Math.round(s.places.booked / all * 100) : 0} %`]];
  return el('dl', { className: 'numbers' }, ...rows.map(([k, v]) => el('div', {}, el('dt', {}, k), el('dd', {}, v.toLocaleString()))));
}

async function look(id, box) {
  const mine = visit;
  try {
    const { body } = await staffAsk(`/events/${id}/sales`);
    if (mine === visit) box.replaceChildren(numbers(body), el('h2', {}, 'Tickets over time'), el('div', { className: 'chart' }, curve(body.curve)));
  } catch (e) {
    if (mine !== visit) return;
    if (FINAL.includes(e.problem?.status)) clearInterval(timer);
    box.replaceChildren(el('p', {}, e.message));
  }
}

export async function showStaff(id) {
  closeStaff();
  const mine = visit;
  const page = document.getElementById('staff'), sales = el('div', { id: 'sales' }), plan = el('div');
  page.replaceChildren(el('h1', {}, 'How it sells'), form(id), sales, plan);
  if (!id || !token()) return;
  await look(id, sales);
  if (mine !== visit) return;
  timer = setInterval(() => look(id, sales), LOOK_MS);
  const { body: map } = await ask(`/events/${id}/seatmap`, { cache: 'no-cache' });
  if (mine !== visit || map.sections.length === 0) return;
  hall = new Hall(map, (seat) => say(`${seat.name}: ${seat.state}`));
  const shares = el('dl', { className: 'numbers', id: 'shares' });
  plan.append(el('h2', {}, 'The hall'), el('p', { className: 'scale' }, 'around a seat: free', el('span', { 'aria-hidden': 'true' }), 'gone'), hall.element,
    el('h2', {}, 'Sold or held'), shares);
  showHeat(shares);
  let at = map.streamId;
  stay(() => {
    stream = new EventSource(`/events/${id}/seatmap/stream?after=${at}`);
    stream.addEventListener('map', (m) => {
      const whole = JSON.parse(m.data);
      at = m.lastEventId;
      hall?.whole_map(whole.states);
      heating ??= setTimeout(showHeat, HEAT_MS, shares);
    });
    stream.addEventListener('change', (m) => {
      const c = JSON.parse(m.data);
      at = m.lastEventId;
      if (c.kind !== 'seats') return;
      for (const unit of c.units) hall?.set(unit, c.state);
      heating ??= setTimeout(showHeat, HEAT_MS, shares);
    });
    return stream;
  }, () => mine === visit);
}

function showHeat(list) {
  heating = null;
  hall?.heat();
  list.replaceChildren(...[...(hall?.shares() || [])].map(([name, [gone, all]]) => {
    const bar = el('progress', { max: all, value: gone });
    bar.setAttribute('aria-label', `${gone} of ${all}`);
    return el('div', {}, el('dt', {}, name), el('dd', {}, `${Math.round(gone / all * 100)} %`), bar);
  }));
}
