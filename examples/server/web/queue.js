// SPDX-License-Identifier: MIT
// queue.js: the waiting room of an event's page: join, see how many stand before, leave; a stream says it as it changes.
import { $, AGAIN_MS, Refused, announce, ask, el, keep, kept, post, redraw, refreshFacts, say, shown, stay } from '/app.js';
import { showBasket } from '/buy.js';

export async function lookForQueue(s) {
  if (!s.room || !kept('queued')[s.id]) return;
  try {
    const { body } = await ask(`/events/${s.id}/queue`);
    if (shown === s && body.state !== 'over') follow(s, body);
  } catch (e) {
    if (['not_found', 'unauthorized'].includes(e.problem?.code)) return;
    say(e instanceof Refused ? e.message : 'There was no answer about your place in the queue: it is asked for again.');
    setTimeout(() => { if (shown === s && !s.place) lookForQueue(s); }, AGAIN_MS);
  }
}

async function joinQueue(s) {
  try {
    const { body } = await post(`/events/${s.id}/queue`, null);
    if (shown === s) follow(s, body);
  } catch (e) {
    say(e.message);
  }
}

// The stream says where we stand as it changes; a browser that lost it comes back by itself.
function follow(s, place) {
  s.place = place;
  keep('queued', { ...kept('queued'), [s.id]: true });
  s.queue?.close();
  stay(() => {
    s.queue = new EventSource(`/events/${s.id}/queue/stream`);
    s.queue.addEventListener('place', (m) => {
      s.place = JSON.parse(m.data);
      if (s.place.state === 'over') s.queue.close();
      showBasket(s);
    });
    return s.queue;
  }, () => {
    if (shown === s) refreshFacts(s); // it may have been taken away
    return shown === s && s.place !== null && s.place.state !== 'over';
  });
  showBasket(s);
}

function minutes(ms) {
  return ms < 60000 ? 'less than a minute' : `about ${Math.ceil(ms / 60000)} minutes`;
}

function queueText(s) {
  const p = s.place;
  if (p.soldOut) return 'Everything is sold.';
  if (p.closed) return 'The waiting room is closed: nobody is let in any more.';
  if (p.paused) return 'Nobody is let in right now. You keep your place.';
  if (p.allHeld) return 'All places are in carts. If some come back, you are next in your turn.';
  if (p.state === 'early') return `The queue starts at ${new Date(p.opens).toLocaleTimeString()}. All who are here by then are shuffled: there is no need to hurry.`;
  return p.waitMs === undefined ? '' : `Your turn comes in ${minutes(p.waitMs)}. You may leave this page open; coming back keeps your place.`;
}

// Drawn once: what changes in it changes in place.
function drawPlace(s, box) {
  redraw(box, el('div', { className: 'queue' }, el('p', { id: 'ahead-label' }), el('div', { id: 'ahead', className: 'place' }), el('p', { id: 'queue-text' })),
    el('button', { id: 'leave', type: 'button', onclick: async () => {
      try {
        await post(`/events/${s.id}/queue`, null, 'DELETE');
      } catch (e) {
        if (!['not_found', 'unauthorized'].includes(e.problem?.code)) return say(`You are in the queue still: ${e.message}`);
      }
      s.queue?.close();
      s.place = null;
      showBasket(s);
    } }, 'Leave the queue'));
}

// True: the queue is what is to be shown.
export function showQueue(s, box) {
  if (!s.room || s.hold || ['admitted', 'free'].includes(s.place?.state)) return false;
  if (!s.place || s.place.state === 'over') {
    redraw(box, el('h2', {}, 'Waiting room'),
      el('p', {}, s.place ? 'Your time at the counter is over.' : 'Many want to go: tickets are sold in turn, one place for each browser.'),
      el('button', { id: 'join', className: 'main', type: 'button', onclick: () => joinQueue(s) }, 'Join the queue'));
    return true;
  }
  if (!$('ahead')) drawPlace(s, box);
  const label = s.place.state === 'early' ? 'Here with you' : 'Ahead of you', text = queueText(s);
  $('ahead-label').textContent = label;
  $('ahead').textContent = s.place.ahead.toLocaleString();
  if ($('queue-text').textContent !== text) announce(`${label}: ${s.place.ahead.toLocaleString()}. ${text}`);
  $('queue-text').textContent = text;
  return true;
}
