// SPDX-License-Identifier: MIT
// hall.js: the seat map: drawn from the event's chart, kept true by the stream, chosen from by pointer or keyboard.
//
// A seat's state is what the service says; "own" is what this browser holds or has chosen. A reserved seat is drawn
// free again at the instant that came with it, whether or not anything says so then.

const NS = 'http://www.w3.org/2000/svg';
const NAMES = { available: 'available', reserved: 'reserved', booked: 'sold', withheld: 'not for sale', none: 'not for sale' };
const BY_DIGIT = ['available', 'reserved', 'booked', 'withheld'];

const REACH = 3;
const TIMER_MOST_MS = 2 ** 31 - 1000; // of setTimeout, which takes more for nothing
const isGone = (seat) => seat.state === 'booked' || seat.state === 'reserved';

function node(name, attributes, parent) {
  const e = document.createElementNS(NS, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (parent) parent.append(e);
  return e;
}

// One shape a state, in a circle of radius r.
function shape(state, own, r) {
  const g = node('g', {});
  if (own) {
    node('circle', { class: 'own', r }, g);
    node('path', { class: 'tick', d: `M${-r / 2} 0l${r * 0.35} ${r * 0.4}l${r * 0.6}${-r * 0.8}` }, g);
  } else if (state === 'available') node('circle', { class: 'free', r: r * 0.9 }, g);
  else if (state === 'reserved') node('path', { class: 'held', d: `M0 ${-r}L${r} 0L0 ${r}L${-r} 0z` }, g);
  else if (state === 'booked') node('rect', { class: 'sold', x: -r * 0.6, y: -r * 0.6, width: r * 1.2, height: r * 1.2 }, g);
  else node('path', { class: 'off', d: `M${-r * 0.5}${-r * 0.5}L${r * 0.5} ${r * 0.5}M${r * 0.5}${-r * 0.5}L${-r * 0.5} ${r * 0.5}` }, g);
  return g;
}

export function legend() {
  const ul = document.createElement('ul');
  ul.className = 'legend';
  for (const [state, own, text] of [['available', false, 'available'], ['available', true, 'yours'],
    ['reserved', false, 'reserved by others'], ['booked', false, 'sold']]) {
    const li = document.createElement('li');
    const svg = node('svg', { viewBox: '-14 -14 28 28', 'aria-hidden': 'true', class: 'seat' });
    svg.append(shape(state, own, 11));
    li.append(svg, text);
    ul.append(li);
  }
  return ul;
}

export class Hall {
  // onChoose(seat) is told of a press on a seat that is free or one's own.
  constructor(map, onChoose) {
    this.seats = new Map();
    this.onChoose = onChoose;
    this.timers = new Map();
    this.element = document.createElement('div');
    this.element.className = 'hall';
    this.svg = node('svg', { role: 'group', 'aria-label': 'Seat map. Arrow keys move between seats, Enter chooses.' });
    this.read(map);
    this.element.append(this.svg, this.tools(), legend());
    if (this.floors.length > 1) this.element.prepend(this.floorChoice());
    this.draw();
    this.listen();
  }

  read(map) {
    this.seq = map.seq;
    // Floors lie over each other in a plan: where all sections are named "Floor / …", one is shown at a time.
    const floor = (name) => (map.sections.every((x) => x.name.includes(' / ')) ? name.split(' / ')[0] : '');
    this.floors = [...new Set(map.sections.map((x) => floor(x.name)))];
    this.floor = this.floors[0];
    let pitch = Infinity;
    for (const section of map.sections)
      for (const row of section.rows) {
        let before = null;
        for (const s of row.seats) {
          const seat = { unit: s.unit, x: s.x / 1000, y: s.y / 1000, state: s.state, own: false, price: section.price, section: section.name, floor: floor(section.name),
            name: `${section.name}, row ${row.name}, seat ${s.label}` };
          this.seats.set(s.unit, seat);
          if (before) {
            const apart = Math.hypot(seat.x - before.x, seat.y - before.y);
            if (apart > 0) pitch = Math.min(pitch, apart);
          }
          before = seat;
        }
      }
    this.r = (Number.isFinite(pitch) ? pitch : 20) * 0.4;
    const xs = [...this.seats.values()].map((s) => s.x), ys = [...this.seats.values()].map((s) => s.y);
    const m = this.r * 3;
    const least = (a) => a.reduce((p, q) => Math.min(p, q), Infinity), most = (a) => a.reduce((p, q) => Math.max(p, q), -Infinity);
    this.whole = [least(xs) - m, least(ys) - m, most(xs) - least(xs) + 2 * m, most(ys) - least(ys) + 2 * m];
    this.view = [...this.whole];
  }

  draw() {
    const scale = this.r / 11;
    for (const seat of this.seats.values()) {
      seat.g = node('g', { class: 'seat', role: 'button', tabindex: -1, 'data-unit': seat.unit,
        transform: `translate(${seat.x} ${seat.y}) scale(${scale})` }, this.svg);
      node('circle', { class: 'ring', r: 14 }, seat.g);
      this.show(seat);
    }
    this.svg.style.aspectRatio = `${this.whole[2]} / ${this.whole[3]}`;
    this.showFloor(this.floor);
    this.frame();
  }

  showFloor(floor) {
    this.floor = floor;
    let first = null;
    for (const seat of this.seats.values()) {
      const here = seat.floor === floor;
      seat.g.style.display = here ? '' : 'none';
      seat.g.setAttribute('tabindex', here && !first ? 0 : -1);
      if (here && !first) first = seat;
    }
  }

  floorChoice() {
    const bar = document.createElement('div');
    bar.className = 'floors';
    bar.setAttribute('role', 'group');
    bar.setAttribute('aria-label', 'Floor');
    for (const floor of this.floors) {
      const b = document.createElement('button');
      b.type = 'button';
      b.textContent = floor;
      b.setAttribute('aria-pressed', floor === this.floor);
      b.addEventListener('click', () => {
        for (const other of bar.children) other.setAttribute('aria-pressed', other === b);
        this.showFloor(floor);
      });
      bar.append(b);
    }
    return bar;
  }

  show(seat) {
    seat.g.lastElementChild.classList.contains('ring') || seat.g.lastElementChild.remove();
    seat.g.append(shape(seat.state, seat.own, 11));
    seat.g.dataset.state = seat.own ? 'own' : seat.state;
    seat.g.setAttribute('aria-label', `${seat.name}, ${seat.own ? 'yours' : NAMES[seat.state]}${seat.price ? `, ${seat.price.amount} ${seat.price.currency}` : ''}`);
    seat.g.setAttribute('aria-pressed', seat.own);
  }

  set(unit, state, until) {
    const seat = this.seats.get(unit);
    if (!seat) return;
    clearTimeout(this.timers.get(unit));
    this.timers.delete(unit);
    seat.state = state;
    this.show(seat);
    if (state === 'reserved' && until !== undefined && until < TIMER_MOST_MS) // longer: the stream will say so
      this.timers.set(unit, setTimeout(() => this.set(unit, 'available'), Math.max(0, until) + 50));
  }

  own(unit, yes) {
    const seat = this.seats.get(unit);
    if (!seat || seat.own === yes) return;
    seat.own = yes;
    this.show(seat);
  }

  reprice(sections) {
    const prices = new Map(sections.map((x) => [x.name, x.price]));
    for (const seat of this.seats.values()) {
      const price = prices.get(seat.section);
      const same = price?.minor === seat.price?.minor && price?.currency === seat.price?.currency;
      seat.price = price;
      if (!same) this.show(seat);
    }
  }

  // One digit a seat from unit 64 on, as the stream's first message has them.
  whole_map(states) {
    for (const seat of this.seats.values()) {
      const state = BY_DIGIT[states[seat.unit - 64]] || 'none';
      if (state !== seat.state) this.set(seat.unit, state);
    }
  }

  // Behind each seat, how much of what lies around it is gone (sold or held): 0 to 1, within REACH seats.
  heat() {
    const side = this.r / 0.4 * REACH, cell = (s) => `${s.floor} ${Math.floor(s.x / side)} ${Math.floor(s.y / side)}`;
    const cells = new Map();
    for (const s of this.seats.values()) cells.set(cell(s), [...(cells.get(cell(s)) || []), s]);
    for (const s of this.seats.values()) {
      let near = 0, gone = 0;
      for (const dx of [-side, 0, side])
        for (const dy of [-side, 0, side])
          for (const o of cells.get(cell({ floor: s.floor, x: s.x + dx, y: s.y + dy })) || [])
            if (Math.hypot(o.x - s.x, o.y - s.y) <= side) {
              near++;
              gone += isGone(o);
            }
      s.warm ??= s.g.insertBefore(node('rect', { class: 'heat', x: -14, y: -14, width: 28, height: 28 }), s.g.firstChild);
      s.warm.setAttribute('fill-opacity', (gone / near).toFixed(2));
    }
  }

  // Sections by name: [gone, seats].
  shares() {
    const shares = new Map();
    for (const s of this.seats.values()) {
      const [gone, all] = shares.get(s.section) || [0, 0];
      shares.set(s.section, [gone + isGone(s), all + 1]);
    }
    return shares;
  }

  // ---- looking closer

  frame() { this.svg.setAttribute('viewBox', this.view.map((v) => v.toFixed(1)).join(' ')); }

  zoom(factor, x = this.view[0] + this.view[2] / 2, y = this.view[1] + this.view[3] / 2) {
    const w = Math.min(this.whole[2], Math.max(this.whole[2] / 40, this.view[2] * factor)), f = w / this.view[2];
    this.view = [x - (x - this.view[0]) * f, y - (y - this.view[1]) * f, w, this.view[3] * f];
    this.clamp();
  }

  clamp() {
    for (const i of [0, 1]) {
      const low = this.whole[i], high = this.whole[i] + this.whole[i + 2] - this.view[i + 2];
      this.view[i] = Math.max(low, Math.min(high, this.view[i]));
    }
    this.frame();
  }

  point(e) {
    const p = new DOMPoint(e.clientX, e.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    return [p.x, p.y];
  }

  tools() {
    const bar = document.createElement('div');
    bar.className = 'tools';
    for (const [text, label, act] of [['+', 'Closer', () => this.zoom(0.6)], ['−', 'Farther', () => this.zoom(1 / 0.6)],
      ['⤢', 'Whole hall', () => { this.view = [...this.whole]; this.frame(); }]]) {
      const b = document.createElement('button');
      b.type = 'button';
      b.textContent = text;
      b.setAttribute('aria-label', label);
      b.addEventListener('click', act);
      bar.append(b);
    }
    return bar;
  }

  // ---- pointer and keyboard

  choose(g) {
    const seat = this.seats.get(Number(g.dataset.unit));
    if (seat.own || seat.state === 'available') this.onChoose(seat);
  }

  listen() {
    const down = new Map();
    let moved = 0;
    this.svg.addEventListener('wheel', (e) => { e.preventDefault(); this.zoom(e.deltaY < 0 ? 0.85 : 1 / 0.85, ...this.point(e)); }, { passive: false });
    this.svg.addEventListener('pointerdown', (e) => { down.set(e.pointerId, e); moved = 0; });
    this.svg.addEventListener('pointermove', (e) => {
      const before = down.get(e.pointerId);
      if (!before) return;
      const scale = this.view[2] / this.svg.clientWidth;
      if (down.size === 1) {
        moved += Math.abs(e.clientX - before.clientX) + Math.abs(e.clientY - before.clientY);
        this.view[0] -= (e.clientX - before.clientX) * scale;
        this.view[1] -= (e.clientY - before.clientY) * scale;
        this.clamp();
      } else {
        const other = [...down.values()].find((p) => p.pointerId !== e.pointerId);
        const was = Math.hypot(before.clientX - other.clientX, before.clientY - other.clientY);
        const is = Math.hypot(e.clientX - other.clientX, e.clientY - other.clientY);
        moved += 10;
        if (is > 0 && was > 0) this.zoom(was / is, ...this.point(e));
      }
      down.set(e.pointerId, e);
    });
    for (const name of ['pointerup', 'pointercancel', 'pointerleave'])
      this.svg.addEventListener(name, (e) => down.delete(e.pointerId));
    this.svg.addEventListener('click', (e) => {
      const g = e.target.closest('.seat');
      if (g && moved < 8) this.choose(g);
    });
    this.svg.addEventListener('keydown', (e) => this.key(e));
  }

  key(e) {
    const g = e.target.closest('.seat');
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (!g) return;
    if (e.key === 'Enter' || e.key === ' ') {
      e.preventDefault();
      this.choose(g);
    } else if (e.key === '+' || e.key === '-') {
      const s = this.seats.get(Number(g.dataset.unit));
      this.zoom(e.key === '+' ? 0.6 : 1 / 0.6, s.x, s.y);
    } else if (ways[e.key]) {
      e.preventDefault();
      this.walk(this.seats.get(Number(g.dataset.unit)), ways[e.key]);
    }
  }

  // To the nearest seat that lies that way more than to the side.
  walk(from, [dx, dy]) {
    let best = null, least = Infinity;
    for (const s of this.seats.values()) {
      if (s.floor !== this.floor) continue;
      const along = (s.x - from.x) * dx + (s.y - from.y) * dy, across = Math.abs((s.x - from.x) * dy) + Math.abs((s.y - from.y) * dx);
      if (along <= 0 || across > along * 1.5) continue;
      const cost = along + 2 * across;
      if (cost < least) [best, least] = [s, cost];
    }
    if (!best) return;
    from.g.setAttribute('tabindex', -1);
    best.g.setAttribute('tabindex', 0);
    best.g.focus();
    if (best.x < this.view[0] || best.y < this.view[1] || best.x > this.view[0] + this.view[2] || best.y > this.view[1] + this.view[3]) {
      this.view[0] = best.x - this.view[2] / 2;
      this.view[1] = best.y - this.view[3] / 2;
      this.clamp();
    }
  }

  close() {
    for (const t of this.timers.values()) clearTimeout(t);
    this.timers.clear();
  }
}
