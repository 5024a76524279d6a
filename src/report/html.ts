/** A report as one HTML file: no script, no network, light and dark, fit for printing. */
import type { ReportDocument } from './document.js';
import type { Grid } from './grid.js';
import { attribute as escaped } from './svg.js';

/** A chart as it is shown: its picture and the names of the files beside it. */
export interface Figure {
  readonly title: string;
  readonly caption: string;
  readonly svg: string;
  /** Shown in place of the picture. */
  readonly grid?: Grid;
  readonly files: { readonly svg: string; readonly spec: string; readonly data: string };
}

const STYLE = `
:root{color-scheme:light dark;--ink:#1d2127;--soft:#59616d;--rule:#d5d9df;--paper:#fff;--panel:#f6f7f9;--good:#1a7f4b;--bad:#b3261e;--good-field:#bfe6d0;--plain-field:#e6e9ed;--warn-field:#f7e3a8;--bad-field:#f6c1bb}
@media (prefers-color-scheme:dark){:root{--ink:#e4e7eb;--soft:#a3abb6;--rule:#3a414b;--paper:#15181c;--panel:#1d2127;--good:#5cc98f;--bad:#ff8a80;--good-field:#1e5a3c;--plain-field:#2b313a;--warn-field:#66520f;--bad-field:#7a2b25}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.5rem 1.5rem 4rem;max-width:64rem;font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .4rem}h2{font-size:1.25rem;margin:2.6rem 0 .8rem}
p{margin:.4rem 0;max-width:48rem}.soft,figcaption,caption{color:var(--soft);font-size:.9rem}
.verdict{font-weight:600}.good{color:var(--good)}.bad{color:var(--bad)}
figure{margin:1.4rem 0 2.2rem;break-inside:avoid}figure h3{font-size:1rem;margin:0 0 .6rem}
.chart{overflow-x:auto;padding:1rem;background:var(--panel);border-radius:6px}.chart svg{max-width:100%;height:auto;display:block}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:0 0 .5rem}th,td{padding:.28rem .8rem .28rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
th{font-weight:600;border-bottom:2px solid var(--rule)}th.n,td.n{text-align:right}
.matrix{border-collapse:separate;border-spacing:3px;margin-left:-3px}.matrix th{border:0;font-weight:500;padding:.35rem .8rem .35rem 0}.matrix thead th+th,.matrix td{text-align:center}
.matrix td{border:0;border-radius:4px;padding:.35rem .8rem;min-width:6rem}.matrix .good{background:var(--good-field)}.matrix .plain{background:var(--plain-field)}.matrix .warn{background:var(--warn-field)}.matrix .bad{background:var(--bad-field)}.matrix td{color:var(--ink)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem;font-size:.9rem;margin:0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
code,.mono{font-family:ui-monospace,monospace;font-size:.92em}a{color:inherit}
@media print{:root{--ink:#000;--soft:#444;--rule:#bbb;--paper:#fff;--panel:#fff;--good:#000;--bad:#000;--good-field:#d5efdf;--plain-field:#eef0f2;--warn-field:#faedc6;--bad-field:#f8d3cf}.matrix td{print-color-adjust:exact;-webkit-print-color-adjust:exact;border:1px solid var(--rule)}body{max-width:none;padding:0;font-size:11pt}.chart{padding:0}.chart,.scroll{overflow:visible}.chart svg{color:#000;max-height:8cm}table{width:100%;font-size:7.5pt}th,td{padding-right:.4rem}th{overflow-wrap:anywhere;min-width:2.8em}.matrix th[scope]{overflow-wrap:normal;white-space:nowrap}.matrix td{min-width:0;padding:.25rem .3rem}.links{display:none}thead{display:table-header-group}tr{break-inside:avoid}h2{break-after:avoid}}
`;

function grid({ headings, rows, tones, omitted, caption }: Grid, codeColumn = -1): string {
  const side = (index: number): string => (headings[index]?.right === true ? ' class="n"' : '');
  const cell = (value: string, index: number): string => {
    const text = index === codeColumn && value !== '' ? `<code>${escaped(value)}</code>` : escaped(value);
    return `<td${side(index)}>${text}</td>`;
  };
  const head = headings.map(
    ({ text, about }, index) => `<th${side(index)} title="${escaped(about)}">${escaped(text)}</th>`,
  );
  const toned = (value: string, tone: string | undefined, index: number): string =>
    index === 0
      ? `<th scope="row">${escaped(value)}</th>`
      : `<td${tone === undefined ? '' : ` class="${tone}"`}>${escaped(value)}</td>`;
  const body = rows.map((row, line) => {
    const own = tones?.[line];
    return `<tr>${row.map((value, index) => (own === undefined ? cell(value, index) : toned(value, own[index], index))).join('')}</tr>`;
  });
  const rest = omitted > 0 ? `<p class="soft">${omitted} more rows; <code>ringfence query</code> shows all.</p>` : '';
  const [kind, above] = tones === undefined ? ['', `<caption>${escaped(caption)}</caption>`] : [' class="matrix"', ''];
  return `<div class="scroll"><table${kind}>${above}<thead><tr>${head.join('')}</tr></thead><tbody>
${body.join('\n')}
</tbody></table></div>${rest}`;
}

function figure({ title, caption, svg, grid: table, files }: Figure): string {
  const link = (file: string, text: string): string => `<a href="${escaped(encodeURI(file))}">${text}</a>`;
  const links = `${link(files.svg, 'picture')}, ${link(files.data, 'data')}, ${link(files.spec, 'specification')}`;
  return `<figure><h3>${escaped(title)}</h3>${table === undefined ? `<div class="chart">${svg}</div>` : grid(table)}
<figcaption>${escaped(caption)} <span class="links">Beside this file: ${links}.</span></figcaption></figure>`;
}

export function renderHtml(document: ReportDocument, figures: readonly Figure[]): string {
  const { title, description, verdict, passed, facts, failures, table, images } = document;
  const list = (pairs: readonly (readonly [string, string])[]): string =>
    `<dl>${pairs.map(([name, value]) => `<dt>${escaped(name)}</dt><dd${/^[0-9a-f]{64}$/.test(value) ? ' class="mono"' : ''}>${escaped(value)}</dd>`).join('')}</dl>`;
  const parts = [
    `<h1>${escaped(title)}</h1>`,
    description === '' ? '' : `<p>${escaped(description)}</p>`,
    `<p class="verdict ${passed ? 'good' : 'bad'}">${escaped(verdict)}</p>`,
    failures === undefined ? '' : `<h2>Failures</h2>${grid(failures, 3)}`,
    figures.length === 0 ? '' : `<h2>Charts</h2>${figures.map(figure).join('\n')}`,
    table.rows.length === 0 ? '' : `<h2>Results</h2>${grid(table)}`,
    `<h2>What was run</h2>${list(facts)}`,
    images.length === 0 ? '' : `<h2>Images (SHA-256)</h2>${list(images)}`,
    '<p class="soft">Columns whose names begin with <code>wall_</code> are measured and differ from run to run. All others are the same on every machine.</p>',
  ];
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escaped(title)}</title><link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body>
${parts.filter(Boolean).join('\n')}
</body></html>
`;
}
