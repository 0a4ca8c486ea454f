// SPDX-License-Identifier: MIT
// buy.js: reserve, hold with its countdown, pay or give back, tickets. What this browser holds and has bought is kept as
// numbers and tokens until it is over; several tabs may hold places of one event, each ends its own.
import { $, AGAIN_MS, Refused, announce, ask, el, isFinal, key, keep, kept, money, opensLater, place, post, redraw, say, shown, when } from '/app.js';
import { showQueue } from '/queue.js';

const LOOK_MS = 2000; // at a payment that is under way
const NO_ANSWER = 'There was no answer. Press again: nothing is done twice.';

// ---- kept ----------------------------------------------------------------------------------------------------

const holdsOf = (id) => [].concat(kept('holds')[id] ?? []);

function keepHolds(id, tokens) {
  const holds = kept('holds');
  if (tokens.length > 0) holds[id] = tokens;
  else delete holds[id];
  keep('holds', holds);
}

const holdIsOver = (id, token) => keepHolds(id, holdsOf(id).filter((t) => t !== token));

// The booking is this browser's from now on.
function bought(id, token, bookingId) {
  keep('bookings', { ...kept('bookings'), [bookingId]: token });
  holdIsOver(id, token);
}

// ---- reserving ---------------------------------------------------------------------------------------------------

// One wish at a time; one that was not answered is asked for again with its own key, so it is not taken twice.
export async function reserve(s, wish) {
  const text = JSON.stringify(wish);
  if (s.busy) return;
  if (s.hold) return say('You hold places already: pay for them or give them back first.');
  if (s.wish?.text !== text) s.wish = { text, key: key() };
  s.busy = true;
  try {
    const { body } = await post(`/events/${s.id}/reservations`, wish, 'POST', s.wish.key, s.place?.admission ? { Admission: s.place.admission } : {});
    s.wish = null;
    keepHolds(s.id, [...holdsOf(s.id), body.holdToken]);
    if (shown === s) takeHold(s, body);
  } catch (e) {
    if (isFinal(e)) s.wish = null;
    for (const c of e.problem?.causes || []) {
      if (c.unit) {
        s.chosen.delete(c.unit);
        s.hall?.own(c.unit, false);
      }
    }
    say(isFinal(e) ? e.message : NO_ANSWER);
  } finally {
    s.busy = false;
  }
  showBasket(s);
  if (s.hold) announce(`Reserved for you: ${placesOf(s.hold)}, ${money(s.hold.total)}.`);
}

const placesOf = (hold) => ((n) => `${n} place${n === 1 ? '' : 's'}`)(hold.seats.length + (hold.quantity || 0));

function takeHold(s, hold) {
  s.hold = hold;
  s.payKey = key();
  s.backKey = key();
  s.ahead = Date.parse(hold.now) - Date.now();
  for (const unit of s.chosen.keys()) s.hall?.own(unit, false);
  s.chosen.clear();
  for (const seat of hold.seats) s.hall?.own(seat.unit, true);
  clearInterval(s.timer);
  s.timer = setInterval(() => tick(s), 250);
}

function dropHold(s) {
  for (const seat of s.hold?.seats || []) s.hall?.own(seat.unit, false);
  if (s.hold) holdIsOver(s.id, s.hold.holdToken);
  s.hold = null;
  clearInterval(s.timer);
}

// What this browser holds of the event: the first that lives is shown, the others when that one is over.
export async function resumeHold(s) {
  for (const token of holdsOf(s.id)) {
    try {
      const { body } = await ask(`/reservations/${token}`);
      if (shown !== s) return;
      if (body.state === 'booked' && body.bookingId) bought(s.id, token, body.bookingId);
      else if (body.state === 'active') return takeHold(s, body);
      else if (body.state === 'in_payment') return followPayment(s, token);
      else holdIsOver(s.id, token);
    } catch (e) {
      if (isFinal(e)) holdIsOver(s.id, token);
      else return resumeLater(s);
    }
  }
}

// What is held is not known now, and is not forgotten for that.
function resumeLater(s) {
  if (shown !== s) return;
  say('What you hold could not be looked up: it is asked for again.');
  setTimeout(async () => {
    if (shown !== s || s.hold || s.paying) return;
    await resumeHold(s);
    showBasket(s);
  }, AGAIN_MS);
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

// Without an answer they may be held still: the page goes on showing them.
async function giveBack(s) {
  if (s.busy) return;
  s.busy = true;
  let over = true;
  try {
    await post(`/reservations/${s.hold.holdToken}`, null, 'DELETE', s.backKey);
    announce('Given back.');
  } catch (e) {
    over = ['released', 'expired', 'not_found'].includes(e.problem?.code);
    if (!over) say(isFinal(e) ? e.message : NO_ANSWER);
  } finally {
    s.busy = false;
  }
  if (over) {
    dropHold(s);
    await resumeHold(s);
  }
  showBasket(s);
}

// ---- paying ------------------------------------------------------------------------------------------------------

// Wherever the buyer has gone meanwhile, he hears how it ended.
function paid(s, token, bookingId) {
  bought(s.id, token, bookingId);
  if (shown === s) {
    dropHold(s);
    $('message').hidden = true;
    location.hash = `#/mine/${bookingId}`;
  } else {
    say(`Your payment for ${s.event.name} was made: the tickets are among yours.`);
    if (!$('mine').hidden) showMine(String(bookingId));
  }
}

// An attempt has one key until its outcome is known: who heard nothing asks again, and is charged once.
async function pay(s, card) {
  const token = s.hold.holdToken;
  if (s.busy) return;
  s.busy = true;
  $('pay').disabled = true;
  try {
    const { body } = await post(`/reservations/${token}/confirm`, { paymentDetails: { card } }, 'POST', s.payKey);
    paid(s, token, body.bookingId);
  } catch (e) {
    await notPaid(s, token, e);
  } finally {
    s.busy = false;
  }
  if (shown === s && $('pay')) $('pay').disabled = false;
}

async function notPaid(s, token, e) {
  if (!(e instanceof Refused)) return say('There was no answer. Press Pay again: nothing is charged twice.');
  if (isFinal(e)) s.payKey = key(); // else the same attempt may be asked for again
  const { body } = await ask(`/reservations/${token}`).catch(() => ({}));
  if (body?.state === 'booked' && body.bookingId) return paid(s, token, body.bookingId);
  if (body?.state === 'in_payment') return followPayment(s, token);
  const still = body?.state === 'active', declined = e.problem.code === 'declined';
  if (still && s.hold) s.hold.expires = body.expires;
  say(declined && still ? `The payment was declined. ${shown === s ? 'Your places' : `Your places for ${s.event.name}`} are still yours: try another card.` : e.message);
  if (still || !body) return;
  if (shown === s) {
    dropHold(s);
    showBasket(s);
  } else holdIsOver(s.id, token);
}

// The bank has not said yet: the page asks until it is known.
function followPayment(s, token) {
  for (const seat of s.hold?.seats || []) s.hall?.own(seat.unit, false);
  clearInterval(s.timer);
  s.hold = null;
  s.paying = token;
  showBasket(s);
  const look = async () => {
    const { body } = await ask(`/reservations/${token}`).catch((e) => ({ body: { state: isFinal(e) ? 'over' : 'in_payment' } }));
    if (body.state === 'in_payment') return setTimeout(look, LOOK_MS);
    s.paying = null;
    if (body.state === 'booked' && body.bookingId) return paid(s, token, body.bookingId);
    if (body.state !== 'active') holdIsOver(s.id, token);
    say(body.state === 'active' ? `The payment for ${s.event.name} was not made. Your places are still yours: try another card.`
      : `The payment for ${s.event.name} was not made, and the time for the places is over.`);
    if (shown !== s) return undefined;
    if (body.state === 'active') takeHold(s, body);
    return showBasket(s);
  };
  setTimeout(look, LOOK_MS);
}

// ---- the basket --------------------------------------------------------------------------------------------------

export function showBasket(s) {
  const box = $('basket');
  if (!box || shown !== s) return;
  if (s.hold && s.drawn === s.hold) return tick(s); // what is being typed stays
  s.drawn = s.hold;
  if (s.hold) return showHold(s, box);
  if (s.paying) return redraw(box, el('h2', {}, 'Your payment is under way'), el('p', {}, 'The bank has not answered yet. Nothing is charged twice.'));
  if ((s.event.sale.open || opensLater(s)) && showQueue(s, box)) return;
  if (!s.event.sale.open) {
    const opens = s.event.sale.windows.find((w) => w.opens && Date.parse(w.opens) > Date.now() + s.ahead)?.opens;
    redraw(box, el('p', { className: 'quiet' }, opensLater(s) ? `On sale from ${new Date(opens).toLocaleString()}.`
      : ['scheduled', 'rescheduled'].includes(s.event.status) ? 'Not on sale now.' : `Not on sale: the event is ${s.event.status}.`));
    return;
  }
  if (s.chosen.size === 0) redraw(box, el('p', { className: 'quiet' }, s.hall ? 'Choose your seats in the hall.' : 'Choose how many places you want.'));
  else showChosen(s, box);
}

// A sum for each currency; places of two can't be reserved together.
function sums(seats) {
  const totals = new Map();
  for (const { price } of seats.filter((x) => x.price)) {
    const decimals = (price.amount.split('.')[1] || '').length, had = totals.get(price.currency) || { minor: 0, decimals };
    totals.set(price.currency, { minor: had.minor + price.minor, decimals });
  }
  return [...totals].map(([currency, t]) => ({ amount: (t.minor / 10 ** t.decimals).toFixed(t.decimals), currency }));
}

function showChosen(s, box) {
  const seats = [...s.chosen.values()], totals = sums(seats);
  redraw(box, el('h2', {}, `${seats.length} seat${seats.length === 1 ? '' : 's'} chosen`),
    el('ul', {}, ...seats.map((x) => el('li', {}, x.name))),
    el('p', { className: 'total' }, totals.length > 0 ? totals.map(money).join(' and ') : money(null)),
    totals.length > 1 ? el('p', { role: 'status' }, 'Places priced in two currencies are reserved apart: choose those of one.')
      : el('button', { id: 'reserve', className: 'main', type: 'button', onclick: () => reserve(s, { ticketId: [...s.chosen.keys()] }) }, 'Reserve for me'));
}

function showHold(s, box) {
  const card = el('input', { id: 'card', autocomplete: 'cc-number', inputMode: 'numeric', value: '4242 4242 4242 4242' });
  const form = el('form', { onsubmit: (e) => { e.preventDefault(); pay(s, card.value); } },
    el('div', { className: 'field grow' }, el('label', { htmlFor: 'card' }, 'Card (a made-up one; write "decline" to see it refused)'), card),
    el('button', { id: 'pay', className: 'main' }, `Pay ${money(s.hold.total)}`),
    el('button', { id: 'give-back', type: 'button', onclick: () => giveBack(s) }, 'Give back'));
  redraw(box, el('h2', {}, 'Reserved for you'),
    el('p', {}, 'Yours for ', el('span', { id: 'clock', className: 'clock', role: 'timer' }, '…')),
    el('ul', {}, ...s.hold.seats.map((x) => el('li', {}, `${x.section}, row ${x.row}, seat ${x.label}`)),
      s.hold.quantity ? el('li', {}, `${s.hold.quantity} place${s.hold.quantity === 1 ? '' : 's'}`) : null ?? ''),
    el('p', { className: 'total' }, money(s.hold.total)), form);
  tick(s);
}

// ---- tickets ---------------------------------------------------------------------------------------------------------------

let visit = 0; // to the tickets: what comes back for an earlier one is dropped

// Holds that were paid for while nobody looked.
async function takeBookings() {
  for (const id of Object.keys(kept('holds')))
    for (const token of holdsOf(id)) {
      const { body } = await ask(`/reservations/${token}`).catch(() => ({}));
      if (body?.state === 'booked' && body.bookingId) bought(id, token, body.bookingId);
    }
}

function bookingNodes(b, e) {
  const tickets = b.tickets.map((t) => el('article', { className: 'ticket' }, el('img', { src: `/qr/${t.code}.svg`, alt: `QR code of ticket ${t.code}` }),
    el('div', {}, el('strong', {}, t.label ? `${t.section}, row ${t.row}, seat ${t.label}` : 'General admission'), el('br'),
      el('code', {}, t.code), el('br'), t.state === 'void' ? el('span', { className: 'badge bad' }, 'void') : money(t.price))));
  return [el('h2', {}, e.name), el('p', { className: 'facts' }, el('span', {}, when(e.start)), el('span', {}, place(e.venue)),
    el('span', {}, `booking ${b.bookingId}`), el('span', { className: 'badge' }, b.state.replace('_', ' '))), ...tickets];
}

export async function showMine(first) {
  const box = $('my-bookings'), mine = ++visit, nodes = [];
  let open = false;
  await takeBookings();
  const bookings = Object.entries(kept('bookings')).sort(([a], [b]) => (b === first) - (a === first) || b - a);
  for (const [id, token] of bookings) {
    try {
      const { body: b } = await ask(`/bookings/${id}`, { headers: { 'Hold-Token': token } });
      const { body: e } = await ask(`/events/${b.eventId}`);
      open = open || b.state === 'awaiting_payment';
      nodes.push(...bookingNodes(b, e));
    } catch (e) {
      nodes.push(el('p', { className: 'quiet' }, `booking ${id}: ${e.message}`));
    }
    if (mine !== visit) return;
  }
  if (mine !== visit) return;
  box.replaceChildren(...(nodes.length > 0 ? nodes : [el('p', { className: 'quiet' }, 'Tickets that you buy with this browser are shown here.')]));
  if (open) setTimeout(() => { if (mine === visit && !$('mine').hidden) showMine(first); }, LOOK_MS);
}
