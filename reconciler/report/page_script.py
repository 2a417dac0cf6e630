"""The script of the HTML page, verbatim: filters, keys, and the cards that the page holds as data.

It sets `hidden` and `open`, and builds elements whose contents are texts; no text of a report ever becomes markup. What it builds
is what `cards_html` writes.
"""

from __future__ import annotations

from typing import Final

SCRIPT: Final = """
(() => {
'use strict';
const form = document.getElementById('filters');
if (!form) return;
const by = (id) => document.getElementById(id);
const STEP = 200;

const make = (tag, name, ...children) => {
  const element = document.createElement(tag);
  if (name) element.className = name;
  for (const child of children) if (child) element.append(child);
  return element;
};
const breakable = (text) => {
  const parts = document.createDocumentFragment();
  text.split(/(?<=[\\/@._=-])(?=\\w)|(?<=:)(?=[^\\W\\d])/).forEach((part, index) => {
    if (index) parts.append(document.createElement('wbr'));
    parts.append(part);
  });
  return parts;
};
const counted = (count, noun) => `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
const TAGS = { '-': ['del', ''], '+': ['ins', ''], ' ': ['span', 'same'], '…': ['span', 'rest'], '': ['span', 'gap'] };
const line = ([mark, ...pieces]) => {
  const element = make(TAGS[mark][0], TAGS[mark][1]);
  const whole = pieces.length === 2 && !pieces[0];
  pieces.forEach((piece, index) => { if (piece) element.append(index % 2 && !whole ? make('b', '', piece) : piece); });
  if (!element.hasChildNodes()) element.append(' ');
  return element;
};
const side = (value, tag) => value === null ? [make('span', 'rest', 'not set')]
  : typeof value === 'string' ? [make(tag, '', value || ' ')] : value.map(line);
const row = ([path, before, after], lost) => {
  const head = make('th', '', breakable(path));
  head.scope = 'row';
  const left = make('td', 'before', ...side(before, 'del'));
  if (lost) left.colSpan = 2;
  return lost ? make('tr', '', head, left) : make('tr', '', head, left, make('td', 'after', ...side(after, 'ins')));
};
const spanning = (tag, ...children) => {
  const cell = make(tag, '', ...children);
  cell.colSpan = 3;
  if (tag === 'th') cell.scope = 'rowgroup';
  return cell;
};
function body(block, number, members, lost) {
  const [version, place, reason, fields] = block;
  const element = make('tbody', '');
  if (version) {
    const id = make('code', '', members.length === 1 ? breakable(members[0][number + 1]) : 'of each model');
    element.append(make('tr', 'version', spanning('th', 'version ', id, number > 0 && make('span', 'place', breakable(place)))));
  }
  if (reason) element.append(make('tr', 'reason', spanning('td', reason)));
  for (const field of fields) element.append(row(field, lost));
  return element.hasChildNodes() ? element : null;
}
function card([, action, members, blocks]) {
  const lost = action === 'delete', one = members.length === 1;
  const fields = blocks.reduce((sum, block) => sum + block[3].length, 0);
  const versions = blocks.filter((block) => block[0]).length;
  const what = lost ? (versions ? counted(versions, 'version') : 'with all versions')
    : [fields || !versions ? counted(fields, 'field') : '', versions ? counted(versions, 'version') : ''].filter(Boolean).join(', ');
  const element = make('details', `card ${action}`);
  element.dataset.action = action;
  element.dataset.weight = members.length * blocks.length;
  const sign = make('span', 'sign', lost ? '−' : '~');
  sign.setAttribute('aria-hidden', 'true');
  const name = make('span', 'name', one ? breakable(members[0][0]) : counted(members.length, 'model'));
  element.append(make('summary', '', sign, make('span', 'action', action), name,
    make('span', 'what', one ? what : `the same change on each: ${what}`), make('span', 'place', breakable(blocks[0][1]))));
  if (!one) {
    const items = members.map(([model, ...ids]) =>
      make('li', '', breakable(model), ...ids.filter(Boolean).flatMap((id) => [' ', make('span', 'at', '@', breakable(id))])));
    element.append(make('details', 'members', make('summary', '', 'Which models'), make('ul', '', ...items)));
  }
  const bodies = blocks.map((block, number) => body(block, number, members, lost)).filter(Boolean);
  if (bodies.length) element.append(make('table', 'fields', make('colgroup', '', make('col', 'path'), make('col', ''), make('col', '')), ...bodies));
  return element;
}

const sections = Array.from(document.querySelectorAll('section.app'));
const attributions = Array.from(document.querySelectorAll('h2.attribution'));
const rest = by('rest') ? JSON.parse(by('rest').textContent) : [];
const fromElement = (element) => ({
  element, weight: Number(element.dataset.weight), action: element.dataset.action, section: sections.indexOf(element.parentElement),
  texts() {
    const names = element.querySelectorAll(':scope > .members li, :scope > summary .name, .version code');
    return [Array.from(names, (each) => each.textContent).join(' '), element.textContent,
      Array.from(element.querySelectorAll('.fields th[scope=row]'), (each) => each.textContent)];
  },
});
const fromData = (data) => ({
  element: null, data, weight: data[2].length * data[3].length, action: data[1], section: data[0],
  texts: () => [data[2].flat().join(' '), JSON.stringify(data).toLowerCase(), data[3].flatMap((block) => block[3].map(([path]) => path))],
});
const all = [...Array.from(document.querySelectorAll('details.card'), fromElement), ...rest.map(fromData)];
all.forEach((each) => { each.known = null; });
const total = all.reduce((sum, each) => sum + each.weight, 0);
const known = (each) => {
  if (!each.known) {
    const [names, text, paths] = each.texts();
    each.known = { names: names.toLowerCase(), text: text.toLowerCase(), paths: paths.map((path) => path.toLowerCase()) };
  }
  return each.known;
};
const value = (id) => by(id).value.trim().toLowerCase();
const LEAST = Math.max(STEP, document.querySelectorAll('details.card').length);
let fitting = all, limit = LEAST, field = '', unfolded = null;

// Shows what fits, up to the limit; cards that are data become elements when they are shown first.
function show() {
  const fit = new Set(fitting.slice(0, limit));
  const used = new Set();
  for (const each of all) {
    const isShown = fit.has(each);
    if (isShown && !each.element) {
      each.element = card(each.data);
      if (unfolded !== null) each.element.open = unfolded;
      sections[each.section].append(each.element);
    }
    if (isShown) used.add(each.section);
    if (each.element && each.element.hidden === isShown) each.element.hidden = !isShown;
    if (isShown) for (const part of each.element.querySelectorAll('.fields > tbody')) {
      let fits = 0;
      for (const head of part.querySelectorAll('th[scope=row]')) {
        const hide = Boolean(field) && !head.textContent.toLowerCase().includes(field);
        if (head.parentElement.hidden !== hide) head.parentElement.hidden = hide;
        fits += hide ? 0 : 1;
      }
      part.hidden = Boolean(field) && !fits;
    }
  }
  sections.forEach((section, index) => { section.hidden = !used.has(index); });
  for (const title of attributions) {
    let next = title.nextElementSibling, isShown = false;
    for (; next && next.matches('section.app'); next = next.nextElementSibling) isShown = isShown || !next.hidden;
    title.hidden = !isShown;
  }
  more.hidden = fitting.length <= limit;
  more.textContent = `Show more (${(fitting.length - limit).toLocaleString('en')} left)`;
}
function filter() {
  const search = value('search'), action = by('action').value, model = value('model');
  field = value('field');
  const isAll = !search && !action && !model && !field;
  fitting = isAll ? all : all.filter((each) => (!action || each.action === action) && (!model || known(each).names.includes(model)) &&
    (!search || known(each).text.includes(search)) && (!field || known(each).paths.some((path) => path.includes(field))));
  limit = isAll ? LEAST : STEP;
  show();
  const count = fitting.reduce((sum, each) => sum + each.weight, 0);
  by('none').hidden = count > 0;
  by('count').textContent = isAll ? counted(total, 'change') : `${count.toLocaleString('en')} of ${counted(total, 'change')}`;
}
const more = make('button', 'more');
more.type = 'button';
more.addEventListener('click', () => { limit += STEP; show(); });
by('none').before(more);
const near = new IntersectionObserver((seen) => {
  if (!seen.some((each) => each.isIntersecting) || more.hidden) return;
  more.click();
  near.unobserve(more);  // so that it is looked at again, wherever it is by then
  near.observe(more);
}, { rootMargin: '1200px' });
near.observe(more);

let waiting = 0;
for (const kind of ['input', 'change'])
  form.addEventListener(kind, () => { clearTimeout(waiting); waiting = setTimeout(filter, 60); });
form.addEventListener('submit', (event) => event.preventDefault());
const shown = () => Array.from(document.querySelectorAll('details.card')).filter((each) => !each.hidden && !each.parentElement.hidden);
const fold = (open) => { unfolded = open; for (const each of all) if (each.element) each.element.open = open; };
by('unfold').addEventListener('click', () => fold(true));
by('fold').addEventListener('click', () => fold(false));
document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, select, textarea');
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '/' && !typing) { event.preventDefault(); by('search').focus(); return; }
  if (event.key === 'Escape' && typing && form.contains(typing)) { typing.value = ''; filter(); return; }
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  if (typing && typing.id !== 'search') return;
  const list = shown();
  const at = list.findIndex((each) => each.contains(document.activeElement));
  if (at < 0 && !typing) return;
  const next = list[at < 0 ? 0 : Math.min(Math.max(at + (event.key === 'ArrowDown' ? 1 : -1), 0), list.length - 1)];
  if (!next) return;
  event.preventDefault();
  const summary = next.querySelector('summary');
  summary.focus();
  summary.scrollIntoView({ block: 'nearest' });
});
form.hidden = false;
if (by('left')) by('left').hidden = true;
if (rest.length) show();
})();
"""
