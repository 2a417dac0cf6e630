"""The style and the script of the table of predictions, verbatim: it is sorted by a click on a heading, and filtered by a text.

The script moves and hides the rows that the page has. It creates no text from a report, so none can become markup.
"""

from __future__ import annotations

from typing import Final

STYLE: Final = """
.sifting{display:flex;gap:.6rem;align-items:end;margin:.4rem 0}
.sifting label{font-size:.8rem;color:var(--soft)}
.sifting output{color:var(--soft);font-size:.9rem}
.predictions td{unicode-bidi:isolate}
.predictions td:nth-child(n+4):nth-child(-n+5){font:.85rem/1.5 ui-monospace,monospace}
.predictions a{color:var(--link)}
.sortable th button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer}
.sortable th[aria-sort=ascending] button::after{content:" \\25b2"}
.sortable th[aria-sort=descending] button::after{content:" \\25bc"}
tr.failed td{color:var(--outfg)}
tr.unchanged td{color:var(--soft)}
@media print{.sifting{display:none}}
"""

SCRIPT: Final = """
(() => {
'use strict';
const table = document.querySelector('table.sortable');
if (!table) return;
const body = table.tBodies[0], rows = Array.from(body.rows), form = document.querySelector('form.sifting');
const input = form.querySelector('input'), output = form.querySelector('output');
const shown = (row, at) => row.cells[at].textContent;
const compare = (one, other) => {
  const numbers = [Number(one), Number(other)];
  if (one && other && !numbers.some(Number.isNaN)) return numbers[0] - numbers[1];
  return one.localeCompare(other, 'en', { numeric: true });
};
Array.from(table.tHead.rows[0].cells).forEach((head, at, heads) => {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = head.textContent;
  head.replaceChildren(button);
  button.addEventListener('click', () => {
    const order = head.getAttribute('aria-sort') === 'ascending' ? 'descending' : 'ascending';
    for (const other of heads) other.setAttribute('aria-sort', other === head ? order : 'none');
    const sign = order === 'ascending' ? 1 : -1;
    rows.sort((one, other) => sign * compare(shown(one, at), shown(other, at)));
    body.append(...rows);
  });
});
const filter = () => {
  const wanted = input.value.trim().toLowerCase();
  let count = 0;
  for (const row of rows) {
    row.hidden = Boolean(wanted) && !row.textContent.toLowerCase().includes(wanted);
    if (!row.hidden) count += 1;
  }
  output.textContent = count === rows.length ? '' : `${count} of ${rows.length} rows`;
};
input.addEventListener('input', filter);
form.addEventListener('submit', (event) => event.preventDefault());
form.hidden = false;
})();
"""
