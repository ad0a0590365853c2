"""Style the report's page: light and dark, desk, phone and paper, without anything from elsewhere."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #ffffff; --ink: #16202c; --soft: #5a6675; --line: #dfe3e9; --code: #eef1f5;
  --new: #4f46c8; --old: #64748b; --area: rgba(79, 70, 200, .13);
  --good: #0f7a3f; --good-back: #e3f5ea; --bad: #c01f2e; --bad-back: #fdeaea;
  --warn: #9a5b00; --warn-back: #fff3dc; --calm: #1d5fbf; --calm-back: #e6effc;
  --band: rgba(100, 116, 139, .07); --band-odd: rgba(100, 116, 139, .13); --asked: rgba(214, 140, 0, .25);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f141a; --card: #182029; --ink: #e7ecf2; --soft: #9dabba; --line: #2c3743; --code: #222c37;
    --new: #a5a0ff; --old: #94a3b8; --area: rgba(165, 160, 255, .16);
    --good: #5fd38d; --good-back: #14301f; --bad: #ff8a8f; --bad-back: #3a191d;
    --warn: #f3bd5c; --warn-back: #35280f; --calm: #86b6ff; --calm-back: #16273f;
    --band: rgba(148, 163, 184, .07); --band-odd: rgba(148, 163, 184, .13); --asked: rgba(243, 189, 92, .22);
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto,
  "Noto Sans KR", "Apple SD Gothic Neo", sans-serif; -webkit-text-size-adjust: 100%; }
main { max-width: 1060px; margin: 0 auto; padding: 20px 16px 48px; }
h1 { font-size: 1.65rem; line-height: 1.25; margin: 10px 0 6px; letter-spacing: -.01em; text-wrap: balance; }
h2 { font-size: 1.12rem; margin: 0 0 12px; }
h3 { font-size: 1rem; margin: 0 0 6px; }
p { margin: 0 0 8px; }
h1, h2, h3, p, li, dd, td, summary { overflow-wrap: anywhere; }
pre, .mono { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .86em; }
pre { background: var(--code); border-radius: 6px; padding: 10px 12px; margin: 6px 0 2px; white-space: pre-wrap;
  overflow-wrap: anywhere; user-select: all; }
section, header { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px;
  margin: 0 0 16px; }
header { border-top: 6px solid var(--tone); }
.good { --tone: var(--good); --tone-back: var(--good-back); }
.bad { --tone: var(--bad); --tone-back: var(--bad-back); }
.warn { --tone: var(--warn); --tone-back: var(--warn-back); }
.calm { --tone: var(--calm); --tone-back: var(--calm-back); }
.chip { display: inline-block; background: var(--tone-back); color: var(--tone); border: 1px solid var(--tone);
  border-radius: 999px; padding: 1px 11px; font-weight: 650; font-size: .9rem; white-space: nowrap; }
header .chip { font-size: 1.02rem; text-transform: uppercase; letter-spacing: .04em; padding: 3px 14px; }
.why { font-size: 1.05rem; margin: 0; }
.where { color: var(--soft); margin: 0 0 0 10px; font-size: .92rem; }
dl.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(216px, 1fr)); gap: 12px 24px;
  margin: 18px 0 0; padding: 14px 0 0; border-top: 1px solid var(--line); }
dt { color: var(--soft); font-size: .8rem; }
dd { margin: 0; font-weight: 550; font-variant-numeric: tabular-nums; }
ol.plain { margin: 2px 0 0; padding-left: 1.4em; color: var(--soft); }
ol.next { margin: 0; padding-left: 1.4em; }
ol.next li { margin: 0 0 8px; }
.urgent { border: 2px solid var(--bad); background: var(--bad-back); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 550; font-size: .8rem; }
th, td { padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
.stack td:nth-child(2) { min-width: 11em; }
td.number, th.number { text-align: right; white-space: nowrap; }
.tone { color: var(--tone); font-weight: 600; white-space: nowrap; }
.soft { color: var(--soft); }
dd .mono { font-weight: 400; }
details { border-top: 1px solid var(--line); padding: 8px 0; }
details:first-of-type { border-top: 0; }
summary { cursor: pointer; font-weight: 600; }
summary .soft { font-weight: 400; }
details .scroll { padding: 6px 0 2px; }
figure { margin: 0 0 14px; break-inside: avoid; }
figcaption { font-size: .88rem; margin: 0 0 2px; }
figcaption b { margin-right: 10px; }
.key { display: inline-block; margin-right: 12px; color: var(--soft); white-space: nowrap; }
.key i { display: inline-block; width: 18px; height: 0; border-top: 3px solid; vertical-align: middle;
  margin-right: 5px; }
.key i.point { width: 8px; height: 8px; border: 0; border-radius: 4px; background: currentColor; }
.key i.box { width: 14px; height: 10px; border: 0; }
i.new { color: var(--new); } i.old { color: var(--old); } i.asked { background: var(--asked); }
i.dashed { border-top-style: dashed; } i.dotted { border-top-style: dotted; }
svg { display: block; max-width: 100%; height: auto; }
svg.narrow, .narrow { display: none; }
svg text { font: 11.5px system-ui, "Segoe UI", Roboto, "Noto Sans KR", sans-serif; fill: var(--ink); }
svg .words, svg .strong { paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
svg .soft { fill: var(--soft); } svg .strong { font-weight: 650; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .band.even { fill: var(--band); } svg .band.odd { fill: var(--band-odd); } svg .asked { fill: var(--asked); }
svg polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .area { fill: var(--area); stroke: none; } svg .weight { stroke: var(--new); }
svg .measured { fill: var(--card); stroke: var(--new); stroke-width: 1.4; }
svg .rate.new { stroke: var(--new); stroke-width: 2.4; } svg .rate.old { stroke: var(--old); stroke-dasharray: 5 3; }
svg .dot { opacity: .6; } svg .dot.new { fill: var(--new); } svg .dot.old { fill: var(--old); }
svg .evidence { stroke: var(--new); } svg .evidence.slow_300ms { stroke-dasharray: 6 3; opacity: .75; }
svg .evidence.slow_1s { stroke-dasharray: 2 3; opacity: .75; }
svg line.limit { stroke: var(--bad); stroke-dasharray: 7 4; }
svg line.goal { stroke: var(--good); stroke-dasharray: 2 3; }
svg .limit.words { fill: var(--bad); font-size: 10.5px; } svg .goal.words { fill: var(--good); font-size: 10.5px; }
svg line.verdict { stroke-width: 1.6; stroke: var(--warn); } svg text.open { fill: var(--warn); }
svg line.good { stroke: var(--good); } svg text.good { fill: var(--good); }
svg line.bad { stroke: var(--bad); } svg text.bad { fill: var(--bad); }
svg .lost { fill: var(--bad); }
svg .bar { fill: var(--calm); } svg .bar.bake { fill: var(--new); opacity: .8; }
svg .bar.bad { fill: var(--bad); } svg .bar.home { fill: var(--good); }
 svg .bar.failed, svg .bar.no { fill: var(--bad); } svg .bar.ask { fill: var(--warn); }
svg .bar.ask.no { fill: var(--bad); } svg .bar.running { fill: var(--soft); }
.phases { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 14px; margin-top: 6px; }
.phase { container: phase / inline-size; border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px;
  break-inside: avoid; }
.phase h3 { display: flex; align-items: center; justify-content: space-between; font-size: 1.25rem; }
.meter { display: block; height: 5px; border-radius: 3px; background: var(--code); margin-top: 3px; overflow: hidden; }
.meter i { display: block; height: 100%; background: var(--new); } .meter.old i { background: var(--old); }
.story { list-style: none; margin: 0; padding: 0; }
.story li { display: grid; grid-template-columns: 5.2em 1fr; padding: 3px 0; }
.story time { color: var(--soft); font-variant-numeric: tabular-nums; }
footer { color: var(--soft); font-size: .82rem; text-align: center; overflow-wrap: anywhere; }
@container phase (max-width: 560px) {
  .sides thead, .sides td:empty { display: none; }
  .sides tr { display: grid; grid-template-columns: 1fr 1fr; gap: 4px 16px; padding: 6px 0; }
  .sides tr + tr { border-top: 1px solid var(--line); }
  .sides td { border: 0; padding: 0; }
  .sides td:first-child { grid-column: 1 / -1; }
  .sides td[data-name]::before { content: attr(data-name) ": "; color: var(--soft); }
}
@media (max-width: 640px) {
  main { padding: 10px 10px 32px; }
  section, header { padding: 14px; border-radius: 8px; margin-bottom: 10px; }
  h1 { font-size: 1.3rem; }
  dl.facts { grid-template-columns: 1fr 1fr; gap: 10px 14px; }
  .where { display: block; margin: 8px 0 0; }
  svg.wide, .wide { display: none; }
  svg.narrow, .narrow { display: block; }
  .stack thead { display: none; }
  .stack tr { display: block; border-bottom: 1px solid var(--line); padding: 6px 0; }
  .stack td { display: block; border: 0; padding: 0; }
  .stack td:empty { display: none; }
  .stack td[data-name]:not(:empty)::before { content: attr(data-name) ": "; color: var(--soft); }
}
@media print {
  :root { color-scheme: light; --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc; --code: #f3f3f3;
    --new: #4338ca; --old: #64748b; --good: #0f7a3f; --bad: #b01020; --warn: #8a5200; --calm: #1d5fbf;
    --good-back: #fff; --bad-back: #fff; --warn-back: #fff; --calm-back: #fff; }
  body { font-size: 11pt; }
  main { max-width: none; padding: 0; }
  section, header { border-radius: 0; border-width: 1px 0 0; padding: 10px 0; margin: 0; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  h2, h3, summary { break-after: avoid; }
  tr, .story li { break-inside: avoid; }
  details::details-content { content-visibility: visible; height: auto; display: block; }
}
"""
