// SPDX-License-Identifier: MIT
// search.js: search as you type, by dates, price, place and what there is of each. What is asked for stands in the
// address, so a reload, a bookmark and the way back from an event find it again.
import { $, ask, el, isFinal, money, place, say, when } from '/app.js';

const PAGE_SIZE = 20, FACETS_SHOWN = 12, NEAR_METRES = 50000;
const FIELDS = ['keyword', 'start', 'end', 'sort', 'price'];
const search = { city: [], category: [], month: '', near: '', page: 1, asked: null };

// The month's days, of them those within the dates that were asked for.
function monthWindow(month) {
  const [y, m] = month.split('-').map(Number), first = `${month}-01`, last = new Date(Date.UTC(y, m, 0)).toISOString().slice(0, 10);
  const from = $('start').value, to = $('end').value;
  return [from.startsWith(month) ? from : first, to.startsWith(month) ? to : last];
}

function query() {
  const q = new URLSearchParams();
  const [from, to] = search.month ? monthWindow(search.month) : [$('start').value, $('end').value];
  if ($('keyword').value.trim()) q.set('keyword', $('keyword').value);
  if (from) q.set('start', from);
  if (to) q.set('end', to);
  if ($('price').value) q.set('maxPrice', String(Math.floor($('price').valueAsNumber * 100) / 100)); // never as 1e3
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

// ---- the address ----------------------------------------------------------------------------------------------

function written() {
  const q = new URLSearchParams();
  for (const id of FIELDS) if ($(id).value !== $(id).dataset.first) q.set(id, $(id).value);
  if ($('available').checked) q.set('available', '1');
  if (search.near) q.set('near', search.near);
  if (search.month) q.set('month', search.month);
  for (const name of ['city', 'category']) for (const v of search[name]) q.append(name, v);
  if (search.page > 1) q.set('page', search.page);
  return q.size ? `#/?${q}` : '#/';
}

// As the address says, which is what was asked for when this place was left.
function read(address) {
  const q = new URLSearchParams(address.split('?')[1] || '');
  for (const id of FIELDS) $(id).value = q.get(id) ?? $(id).dataset.first;
  $('available').checked = q.has('available');
  Object.assign(search, { near: q.get('near') || '', month: q.get('month') || '', city: q.getAll('city'), category: q.getAll('category'),
    page: Math.max(1, Math.trunc(Number(q.get('page'))) || 1) });
  $('near').checked = search.near !== '';
}

// A step to another page or choice is one of the way back; what is being typed is not.
function ask_anew(step) {
  const address = written();
  if (address !== location.hash && (location.hash || address !== '#/')) history[step ? 'pushState' : 'replaceState'](null, '', address);
  return runSearch();
}

// ---- results --------------------------------------------------------------------------------------------------

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
  const list = el('ul'), drawn = document.querySelector(`details[data-facet="${name}"]`);
  for (const v of values.slice(0, FACETS_SHOWN)) {
    const on = chosen.includes(v.value);
    list.append(el('li', {}, el('button', { type: 'button', 'data-again': `${name} ${v.value}`, 'aria-pressed': String(on), onclick: () => {
      if (name === 'month') search.month = on ? '' : v.value;
      else search[name] = on ? search[name].filter((x) => x !== v.value) : [...search[name], v.value];
      search.page = 1;
      ask_anew(true);
    } }, el('span', {}, v.value), el('span', { className: 'count' }, v.count.toLocaleString()))));
  }
  const open = drawn ? drawn.open : matchMedia('(min-width: 52rem)').matches || chosen.length > 0;
  return el('details', { open, 'data-facet': name }, el('summary', { 'data-again': name }, title), list);
}

// Whoever stands on a button of what is drawn anew stands on the same one after it.
function draw(box, ...children) {
  const again = box.contains(document.activeElement) ? document.activeElement.dataset.again : undefined;
  box.replaceChildren(...children);
  if (again) [...box.querySelectorAll('[data-again]')].find((e) => e.dataset.again === again)?.focus();
}

function show(page, facets) {
  const total = Number(page.headers.get('X-Total-Count'));
  $('found').textContent = `${page.headers.get('X-Total-Is-Lower-Bound') ? 'at least ' : ''}${total.toLocaleString()} event${total === 1 ? '' : 's'}`;
  $('events').replaceChildren(...page.body.map(eventItem));
  $('events').start = (search.page - 1) * PAGE_SIZE + 1;
  $('before').disabled = search.page === 1;
  $('after').disabled = search.page * PAGE_SIZE >= total;
  const months = [...facets.body.month].sort((a, b) => (a.value < b.value ? -1 : 1));
  draw($('facets'), ...[facetGroup('month', 'Month', months, search.month ? [search.month] : []),
    facetGroup('city', 'City', facets.body.city, search.city), facetGroup('category', 'Kind', facets.body.category, search.category)].filter(Boolean));
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
    show(...await Promise.all([ask(`/events/search?${full}`, { signal }), ask(`/events/facets?${q}`, { signal })]));
  } catch (e) {
    if (e.name === 'AbortError') return;
    if (isFinal(e)) { // what stands there answers another question
      $('events').replaceChildren();
      $('found').textContent = 'No events';
    }
    say(e.message);
  }
}

// ---- what is asked --------------------------------------------------------------------------------------------

let typing;
$('start').value = new Date().toISOString().slice(0, 10);
for (const id of FIELDS) $(id).dataset.first = $(id).value;
$('search-form').addEventListener('submit', (e) => { e.preventDefault(); ask_anew(false); });
for (const id of [...FIELDS, 'available'])
  $(id).addEventListener('input', () => {
    search.page = 1;
    if (id === 'start' || id === 'end') search.month = '';
    clearTimeout(typing);
    typing = setTimeout(ask_anew, 120, false);
  });
$('near').addEventListener('input', () => {
  search.page = 1;
  search.near = '';
  if (!$('near').checked) return ask_anew(true);
  navigator.geolocation.getCurrentPosition(({ coords }) => {
    if (!$('near').checked || $('search').hidden) return; // it came too late
    search.near = `${coords.latitude.toFixed(4)},${coords.longitude.toFixed(4)}`;
    ask_anew(true);
  }, () => {
    $('near').checked = false;
    say('This browser does not say where you are.');
  }, { maximumAge: 600000, timeout: 10000 });
});
for (const [id, step] of [['before', -1], ['after', 1]])
  $(id).addEventListener('click', () => { search.page += step; ask_anew(true); scrollTo(0, 0); });

// What is typed last does not speak for a page that was left.
export function leaveSearch() {
  clearTimeout(typing);
  search.asked?.abort();
}

export async function showSearch() {
  clearTimeout(typing);
  read(location.hash);
  await runSearch();
}
