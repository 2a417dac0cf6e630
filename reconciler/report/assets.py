"""The style and the script of the HTML page, verbatim.

The script reads text and sets `hidden` and `open`. It creates no markup, so no text of a report can become markup.
"""

from __future__ import annotations

from typing import Final

FAVICON: Final = "data:,"
"""An empty icon, so that no browser requests one from a server."""

STYLE: Final = """
:root{color-scheme:light dark;--fg:#1f2328;--bg:#fff;--soft:#59636e;--line:#d1d9e0;--panel:#f6f8fa;--link:#0550ae;
--out:#ffebe9;--outfg:#82071e;--in:#dafbe1;--infg:#0a4520;--warn:#7d4e00}
@media (prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--soft:#9198a1;--line:#3d444d;--panel:#151b23;
--link:#79b8ff;--out:#4a1519;--outfg:#ffdcd7;--in:#12361f;--infg:#c8f5d3;--warn:#e3b341}}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
main{max-width:80rem;margin:0 auto;padding:1rem}
h1{font-size:1.4rem;margin:.2rem 0}
h2{font-size:1.05rem;margin:1.2rem 0 .4rem;overflow-wrap:anywhere}
h2.attribution{font-size:1.2rem;border-bottom:2px solid var(--line)}
.summary{font-size:1.1rem;font-weight:600;margin:.4rem 0}
.good{color:var(--infg)}
.bad.summary,.bad h2{color:var(--outfg)}
dl{display:flex;flex-wrap:wrap;gap:.2rem 1.5rem;margin:.4rem 0 1rem;color:var(--soft)}
dl div{display:flex;gap:.4rem;min-width:0}
dd{margin:0;color:var(--fg);overflow-wrap:anywhere;min-width:0}
li,.reason{overflow-wrap:anywhere;unicode-bidi:isolate}
#filters{position:sticky;top:0;z-index:1;display:flex;flex-wrap:wrap;gap:.5rem .9rem;align-items:end;padding:.6rem;
background:var(--panel);border:1px solid var(--line);border-radius:6px}
#filters label{display:flex;flex-direction:column;font-size:.8rem;color:var(--soft);flex:1 1 9rem;min-width:0}
#filters .buttons{white-space:nowrap}
input,select,button{font:inherit;color:var(--fg);background:var(--bg);border:1px solid var(--line);border-radius:5px;
padding:.3rem .5rem;min-width:0;max-width:100%}
:focus-visible{outline:3px solid var(--link);outline-offset:1px}
#count{color:var(--soft);font-size:.9rem}
details.change{border:1px solid var(--line);border-radius:6px;margin:.4rem 0;content-visibility:auto;
contain-intrinsic-size:auto 2.4rem}
details.change[open]{contain-intrinsic-size:auto 9rem}
summary{cursor:pointer;padding:.35rem .6rem;overflow-wrap:anywhere}
details[open]>summary{background:var(--panel);border-radius:6px 6px 0 0}
.symbol{font-family:ui-monospace,monospace;font-weight:700;color:var(--warn)}
.delete .symbol,.delete .action{color:var(--outfg)}
.action{font-size:.8rem;color:var(--warn)}
.name,.place{font-family:ui-monospace,monospace;unicode-bidi:isolate}
.count,.place,.at{color:var(--soft);font-size:.85rem}
.reason{margin:.4rem .6rem}
table{border-collapse:collapse;width:100%;table-layout:fixed}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-top:1px solid var(--line);overflow-wrap:anywhere;
unicode-bidi:isolate}
thead th{color:var(--soft);font-size:.8rem;font-weight:500}
tbody th{font:600 .85rem/1.5 ui-monospace,monospace;width:26%}
table.plain{table-layout:auto}
.wide{overflow-x:auto}
.before,.after{font:.85rem/1.5 ui-monospace,monospace}
del,ins,.same,.rest{display:block;text-decoration:none;white-space:pre-wrap;padding:0 .3rem;border-radius:3px}
del{background:var(--out);color:var(--outfg)}
ins{background:var(--in);color:var(--infg)}
.rest{color:var(--soft);font-style:italic}
pre{overflow-x:auto;background:var(--panel);padding:.6rem;margin:0;font-size:.8rem;max-height:30rem}
details.request{margin:.2rem 0}
.many td::before{content:"before";display:block;color:var(--soft);font:.75rem system-ui,sans-serif}
.many td.after::before{content:"after"}
@media (max-width:640px){
main{padding:.6rem}
#filters{position:static}
table.fields,table.fields tbody,table.fields tr,table.fields td,table.fields th{display:block;width:auto}
table.fields thead{display:none}
table.fields td{border:0;padding-top:0}
table.fields td::before{content:"before";display:block;color:var(--soft);font:.75rem system-ui,sans-serif}
table.fields td.after::before{content:"after"}
}
@media print{#filters{display:none}details.change{content-visibility:visible}}
"""

SCRIPT: Final = """
(() => {
'use strict';
const form = document.getElementById('filters');
if (!form) return;
const by = (id) => document.getElementById(id);
let known = null;
const changes = () => {
  known = known || Array.from(document.querySelectorAll('details.change'), (element) => ({
    element,
    action: element.dataset.action,
    model: element.querySelector('.name').textContent.toLowerCase(),
    text: element.textContent.toLowerCase(),
    rows: Array.from(element.querySelectorAll('tbody tr'), (row) => [row, row.cells[0].textContent.toLowerCase()]),
  }));
  return known;
};
const apps = Array.from(document.querySelectorAll('section.app'), (section) => [section, section.getElementsByTagName('details')]);
const number = (count) => count.toLocaleString('en');
const value = (id) => by(id).value.trim().toLowerCase();
function filter() {
  const search = value('search'), action = by('action').value, model = value('model'), field = value('field');
  const all = changes(), total = all.length;
  let count = 0;
  for (const change of all) {
    const fits = (!action || change.action === action) && (!model || change.model.includes(model)) &&
      (!search || change.text.includes(search)) && (!field || change.rows.some(([, path]) => path.includes(field)));
    if (change.element.hidden === fits) change.element.hidden = !fits;
    for (const [row, path] of change.rows) {
      const hide = Boolean(field) && !path.includes(field);
      if (row.hidden !== hide) row.hidden = hide;
    }
    if (fits) count += 1;
  }
  for (const [section, inside] of apps) section.hidden = !Array.from(inside).some((each) => !each.hidden);
  by('none').hidden = count > 0;
  by('count').textContent = count === total ? `${number(total)} change${total === 1 ? '' : 's'}`
    : `${number(count)} of ${number(total)} changes`;
}
let waiting = 0;
for (const kind of ['input', 'change'])
  form.addEventListener(kind, () => { clearTimeout(waiting); waiting = setTimeout(filter, 60); });
form.addEventListener('submit', (event) => event.preventDefault());
const shown = () => changes().filter((change) => !change.element.hidden);
by('unfold').addEventListener('click', () => { for (const change of shown()) change.element.open = true; });
by('fold').addEventListener('click', () => { for (const change of shown()) change.element.open = false; });
document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, select, textarea');
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '/' && !typing) { event.preventDefault(); by('search').focus(); return; }
  if (event.key === 'Escape' && typing && form.contains(typing)) { typing.value = ''; filter(); return; }
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  if (typing && typing.id !== 'search') return;
  const list = shown();
  const at = list.findIndex((change) => change.element.contains(document.activeElement));
  if (at < 0 && !typing) return;
  const next = list[at < 0 ? 0 : Math.min(Math.max(at + (event.key === 'ArrowDown' ? 1 : -1), 0), list.length - 1)];
  if (!next) return;
  event.preventDefault();
  const summary = next.element.querySelector('summary');
  summary.focus();
  summary.scrollIntoView({ block: 'nearest' });
});
form.hidden = false;
})();
"""
