"""The style of the HTML page, verbatim."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--fg:#1f2328;--bg:#fff;--soft:#59636e;--line:#d1d9e0;--panel:#f6f8fa;--link:#0969da;
--out:#ffebe9;--outfg:#82071e;--outmark:#ffb8b0;--in:#dafbe1;--infg:#0a4520;--inmark:#8fe3a3;--warn:#7d4e00;--warnbg:#fff8c5;
--loss:#cf222e;--lossfg:#fff;--lossbg:#fff0ee;--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
@media (prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--soft:#9198a1;--line:#3d444d;--panel:#151b23;
--link:#58a6ff;--out:#3c1618;--outfg:#ffdcd7;--outmark:#8e2b2b;--in:#0f2d1a;--infg:#c8f5d3;--inmark:#1f6f3a;--warn:#e3b341;
--warnbg:#2e2a1f;--loss:#da3633;--lossfg:#fff;--lossbg:#2b1416}}
*{box-sizing:border-box}
[hidden]{display:none!important}
html{scroll-padding-top:6rem}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:76rem;margin:0 auto;padding:1.2rem 1.5rem 3rem}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .3rem;overflow-wrap:anywhere}
h2{font-size:1rem;margin:1.6rem 0 .5rem;overflow-wrap:anywhere}
h2.attribution{font-size:1.2rem;margin-top:2rem;padding-bottom:.3rem;border-bottom:1px solid var(--line)}
h2.attribution+section.app>h2{margin-top:.8rem}
code,.name,.place,.fields,pre{font-family:var(--mono)}
code{font-size:.92em}
dl{display:flex;flex-wrap:wrap;gap:.1rem 1.4rem;margin:0 0 1rem;color:var(--soft);font-size:.9rem}
dl div{display:flex;gap:.4rem;min-width:0}
dd{margin:0;color:var(--fg);overflow-wrap:anywhere;min-width:0}
ul.summary{display:flex;flex-wrap:wrap;gap:.5rem;list-style:none;margin:0 0 1.2rem;padding:0}
ul.summary li{padding:.3rem .8rem;border-radius:99px;border:1px solid var(--line);font-weight:600;overflow-wrap:anywhere}
ul.summary .update{background:var(--warnbg);color:var(--warn);border-color:transparent}
ul.summary .good{background:var(--in);color:var(--infg);border-color:transparent}
ul.summary .bad{background:var(--loss);color:var(--lossfg);border-color:transparent}
p.summary{font-weight:600;margin:.4rem 0 1rem}
section.bad{border-left:4px solid var(--loss);background:var(--lossbg);border-radius:0 6px 6px 0;padding:.6rem 1rem;margin:1rem 0}
section.bad h2{margin:0 0 .3rem;color:var(--outfg)}
section>ul{margin:.2rem 0;padding-left:1.2rem}
li,.reason{overflow-wrap:anywhere;unicode-bidi:isolate}
#filters{position:sticky;top:0;z-index:2;display:grid;grid-template-columns:2fr 1fr 2fr 2fr auto auto;gap:.6rem .8rem;align-items:end;
padding:.7rem .8rem;background:var(--panel);border:1px solid var(--line);border-radius:8px;margin:1rem 0}
#filters label{display:flex;flex-direction:column;gap:.15rem;font-size:.8rem;color:var(--soft);min-width:0}
#filters .buttons{display:flex;gap:.4rem}
#count{color:var(--soft);font-size:.85rem;line-height:2.1rem;white-space:nowrap;min-width:7rem;text-align:right}
input,select,button{font:inherit;font-size:.9rem;color:var(--fg);background:var(--bg);border:1px solid var(--line);border-radius:6px;
padding:0 .55rem;height:2.1rem;min-width:0;width:100%}
button{cursor:pointer;white-space:nowrap;width:auto}
button:hover,summary:hover{border-color:var(--soft)}
button.more{display:block;width:100%;margin:1rem 0}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.columns{display:grid;grid-template-columns:26% 37% 37%;color:var(--soft);font-size:.78rem;padding:0 1px}
.columns span{padding:0 .8rem}
details.card{border:1px solid var(--line);border-radius:8px;margin:.4rem 0 .7rem;overflow:clip;content-visibility:auto;
contain-intrinsic-size:auto 2.6rem}
details.card[open]{contain-intrinsic-size:auto 9rem}
summary{cursor:pointer}
.card>summary{display:flex;flex-wrap:wrap;align-items:baseline;gap:.1rem .6rem;padding:.5rem .8rem;list-style:none;background:var(--panel)}
.card>summary::-webkit-details-marker{display:none}
.card>summary::before{content:"▸";color:var(--soft);font-size:.8rem;width:.7rem}
.card[open]>summary::before{content:"▾"}
.card[open]>summary{border-bottom:1px solid var(--line)}
.sign{font:700 1rem var(--mono);color:var(--warn)}
.action{font-size:.8rem;color:var(--warn)}
.name{font-weight:700;overflow-wrap:anywhere;unicode-bidi:isolate;min-width:0}
.what{color:var(--soft);font-size:.85rem}
.place{color:var(--soft);font-size:.8rem;margin-left:auto;overflow-wrap:anywhere;unicode-bidi:isolate;min-width:0}
.card.delete{border:2px solid var(--loss)}
.card.delete>summary{background:var(--lossbg);border-color:var(--loss)}
.card.delete .sign{color:var(--loss)}
.card.delete .action{background:var(--loss);color:var(--lossfg);border-radius:99px;padding:0 .6rem;font-weight:700;text-transform:uppercase;
letter-spacing:.04em}
.members{padding:.4rem .8rem;border-bottom:1px solid var(--line);font-size:.85rem}
.members>summary{color:var(--soft)}
.members ul{margin:.4rem 0;padding:0;list-style:none;columns:18rem;column-gap:1.5rem;max-height:24rem;overflow:auto;font-family:var(--mono)}
.members li{padding-left:1rem;text-indent:-1rem}
.at{color:var(--soft)}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.3rem .8rem;overflow-wrap:anywhere;unicode-bidi:isolate}
.fields{table-layout:fixed;font-size:.85rem}
.fields col.path{width:26%}
.fields th[scope=row]{font-weight:500}
.fields tr+tr>*,.fields tbody+tbody>tr:first-child>*{border-top:1px solid var(--line)}
.fields .version th{font-family:system-ui,sans-serif;font-weight:500;color:var(--soft);background:var(--panel);padding-top:.35rem}
.fields .version code{color:var(--fg)}
.fields .version .place{float:right}
.fields .reason td{font-family:system-ui,sans-serif}
.before,.after{padding-left:.5rem;padding-right:.5rem}
del,ins,.same,.rest,.gap{display:block;text-decoration:none;white-space:pre-wrap;padding:0 .3rem;min-height:1.5em}
del{background:var(--out);color:var(--outfg)}
ins{background:var(--in);color:var(--infg)}
del b{background:var(--outmark);font-weight:600;border-radius:2px}
ins b{background:var(--inmark);font-weight:600;border-radius:2px}
.same{color:var(--soft)}
.gap{background:repeating-linear-gradient(-45deg,var(--panel) 0 4px,transparent 4px 8px)}
.rest{color:var(--soft);font-style:italic}
.card.delete .before del{background:none;color:var(--fg)}
.wide{overflow-x:auto}
table.plain{font-size:.9rem}
table.plain th,table.plain td{border-top:1px solid var(--line);overflow-wrap:normal}
table.plain thead th{color:var(--soft);font-weight:500}
.file{border:1px solid var(--line);border-radius:8px;margin:.8rem 0;overflow:clip}
.file h2{margin:0;padding:.5rem .8rem;background:var(--panel);border-bottom:1px solid var(--line);font-family:var(--mono);font-size:.9rem}
.file ol{list-style:none;margin:0;padding:0}
.file li{padding:.6rem .8rem}
.file li+li{border-top:1px solid var(--line)}
.file .at{font-family:var(--mono);font-size:.85rem;margin-right:.5rem}
.file pre{margin:.4rem 0 0;max-height:none;white-space:pre}
.file .caret{color:var(--loss);font-weight:700}
pre{overflow-x:auto;background:var(--panel);padding:.6rem .8rem;margin:0;font-size:.8rem;max-height:30rem;border-radius:6px}
details.requests>summary>h2{display:inline;margin-right:.5rem}
details.requests>summary{margin:1.6rem 0 .5rem;color:var(--soft)}
details.requests>summary h2{color:var(--fg)}
details.request{margin:.3rem 0}
@media (max-width:900px){#filters{position:static;grid-template-columns:1fr 1fr}#filters .wide{grid-column:1/-1}#count{grid-column:1/-1;text-align:left;line-height:1.2}html{scroll-padding-top:0}}
@media (max-width:640px){
main{padding:1rem .8rem 2rem}
.columns{display:none}
.card>summary .place{flex-basis:100%;margin-left:1.3rem}
.fields colgroup{display:none}
.fields,.fields tbody,.fields tr,.fields td,.fields th{display:block;width:auto!important}
.fields td{padding:0 .8rem .3rem}
.fields tr+tr>td{border-top:0}
.fields td.after{border-top:0!important}
.fields th[scope=row]{padding-bottom:.1rem}
.fields .version .place{float:none;display:block}
.gap{display:none}
.before>.same,.before>.rest:not(:only-child){display:none}
.members ul{columns:1}
}
@media print{#filters,button.more{display:none}details.card{content-visibility:visible}}
"""
