"""The look of a report: light and dark as the reader's system is, and on paper."""

from __future__ import annotations

#: The colours are those of the window's two themes.
STYLE = """
:root{color-scheme:light dark;--window:#f3f5f8;--surface:#fff;--border:#dfe3e9;--text:#1b2026;--muted:#5f6875;
--accent:#2f6bdf;--soft:#e6effc;--good:#1a7f45;--good-soft:#e3f4ea;--warn:#8f5a00;--warn-soft:#fdf1dc;--bad:#b3261e;
--bad-soft:#fce8e6;--below:#4a80e0;--above:#cc6049;--track:#e0e5ec;--hover:#f1f4f8}
@media (prefers-color-scheme:dark){:root{--window:#17191d;--surface:#1f2226;--border:#353a41;--text:#e6e9ed;
--muted:#9aa3af;--accent:#6aa1ff;--soft:#25395c;--good:#5fd08b;--good-soft:#1d3527;--warn:#f0b45a;--warn-soft:#3a2e18;
--bad:#ff8a80;--bad-soft:#42211f;--below:#6b9bf2;--above:#e07f68;--track:#363c44;--hover:#2a2e34}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;scroll-padding-top:3.4rem}
body{margin:0;background:var(--window);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Noto Sans",sans-serif;font-variant-numeric:tabular-nums}
header,main,footer{max-width:1240px;margin:0 auto;padding:0 24px}
header{padding-top:40px}
h1{margin:0 0 6px;font-size:28px;line-height:1.2;font-weight:650;overflow-wrap:anywhere}
h2{margin:0 0 16px;font-size:19px;font-weight:650}
h2 small{margin-left:8px;font-size:14px;font-weight:400;color:var(--muted)}
h3{margin:0 0 4px;font-size:15px;font-weight:600}
p{margin:0 0 10px;max-width:90ch}
a{color:var(--accent);text-decoration:none}
a:hover{text-decoration:underline}
code{font:0.92em/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere;
unicode-bidi:isolate;white-space:pre-wrap}
.verdict{font-size:17px;color:var(--text)}
.note{color:var(--muted);font-size:13px}
.safety{display:inline-block;margin:4px 0 14px;padding:10px 14px;border-radius:8px;max-width:100ch}
.safe{background:var(--good-soft);color:var(--good)}
.needs_trust,.warning{background:var(--warn-soft);color:var(--warn)}
.dangerous{background:var(--bad-soft);color:var(--bad)}
.warning{margin:0 0 8px;padding:8px 14px;border-radius:8px}
nav{position:sticky;top:0;z-index:2;background:var(--window);border-bottom:1px solid var(--border)}
nav div{max-width:1240px;margin:0 auto;padding:10px 24px;display:flex;flex-wrap:wrap;gap:4px 20px}
section{margin:20px 0;padding:22px 24px 18px;border:1px solid var(--border);border-radius:10px;
background:var(--surface)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:14px 24px;margin:0}
.wide{grid-column:1/-1}
dt{font-size:12.5px;color:var(--muted)}
dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th{text-align:left;font-weight:500;color:var(--muted);font-size:12.5px;padding:0 10px 6px 0;vertical-align:bottom}
td{padding:5px 10px 5px 0;border-top:1px solid var(--border);vertical-align:middle}
th.r,td.r{text-align:right;white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
.tensors td{font-size:13px;padding-top:4px;padding-bottom:4px}
.tensors td:nth-child(3){white-space:nowrap}
.tensors tr:target td{background:var(--soft)}
.tensors thead th{position:sticky;top:43px;background:var(--surface);padding-top:8px;z-index:1}
.quiet,.problem{color:var(--muted)}
.bad{color:var(--bad);font-weight:650}
.all{color:var(--warn)}
i.serious,i.notable{display:inline-block;width:8px;height:8px;margin-right:7px;border-radius:50%;background:var(--warn)}
i.serious{background:var(--bad)}
.finding{margin:0 0 12px;padding:12px 16px;border:1px solid var(--border);border-left:4px solid var(--muted);
border-radius:6px}
.finding b{margin-right:8px;padding:2px 8px;border-radius:99px;font-size:12px;font-weight:600;background:var(--hover);
color:var(--muted)}
.finding p{margin-bottom:6px;color:var(--muted);font-size:13.5px}
.finding ul{display:flex;flex-wrap:wrap;gap:2px 18px;margin:0;padding:0;list-style:none;font-size:13px}
.finding li span{color:var(--muted)}
.finding.serious{border-left-color:var(--bad)}
.finding.serious b{background:var(--bad-soft);color:var(--bad)}
.finding.notable{border-left-color:var(--warn)}
.finding.notable b{background:var(--warn-soft);color:var(--warn)}
svg{display:block}
svg.h{overflow:visible}
svg.depth,svg.shares{width:100%;height:auto;margin-bottom:10px}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:var(--text);
font-variant-numeric:tabular-nums}
path.n{fill:var(--below)}
path.p{fill:var(--above)}
.grid{stroke:var(--muted);stroke-opacity:.2;fill:none}
.tick{text-anchor:end}
svg .tick,svg .name{fill:var(--muted)}
.name{text-anchor:middle}
.mean,.end,.spread{fill:none;stroke-width:1.4;stroke-linejoin:round}
.mean,.spread{stroke:var(--above)}
.mean{stroke-width:1.8}
.spread{stroke-dasharray:2 3}
.end{stroke:var(--muted)}
path.bad{fill:var(--bad)}
.run{stroke:var(--track);stroke-width:2}
rect{fill:var(--accent);fill-opacity:.13}
rect.l0{fill-opacity:.34}
rect.l1{fill-opacity:.26}
rect.l2{fill-opacity:.2}
rect.l3{fill-opacity:.16}
svg .share{fill:var(--muted)}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:22px}
figure{margin:0;font-size:13px}
figure img{max-width:100%;height:auto;max-height:260px;image-rendering:pixelated;border-radius:4px;
background:repeating-conic-gradient(var(--hover) 0 25%,transparent 0 50%) 0 0/16px 16px}
figcaption{margin-top:8px;line-height:1.4}
footer{padding-top:6px;padding-bottom:40px;color:var(--muted);font-size:12.5px}
@media (max-width:1100px){section{overflow-x:auto}.tensors thead th{position:static}}
@media print{@page{size:A4 landscape;margin:12mm}:root{--window:#fff}nav{display:none}body{font-size:11px}
header,main,footer{max-width:none;padding:0}header{padding-top:0}section{border:0;padding:8px 0;margin:8px 0;
overflow:visible}.tensors thead th{position:static}.tensors td{font-size:9.5px}table{font-size:10px}
article,figure,tr,svg{break-inside:avoid}h2,h3{break-after:avoid}section{break-inside:auto}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""
