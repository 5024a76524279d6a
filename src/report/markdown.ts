/** A report as Markdown, for READMEs: the pictures stay in files beside it. */
import type { Grid, ReportDocument } from './document.js';
import type { Figure } from './html.js';

/** Characters that Markdown or HTML would take for their own. */
const escaped = (text: string): string =>
  text.replace(/[\\`*_[\]<>|#]/g, (sign) => `\\${sign}`).replace(/\s*[\r\n]+\s*/g, ' ');

/** Rows that a README can bear. */
const MAX_ROWS = 40;

function grid({ headings, rows, omitted, caption }: Grid): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const left = omitted + Math.max(0, rows.length - MAX_ROWS);
  return [
    escaped(caption),
    '',
    line(headings.map(({ text }) => escaped(text))),
    line(headings.map(({ right }) => (right ? '---:' : '---'))),
    ...rows.slice(0, MAX_ROWS).map((row) => line(row.map(escaped))),
    ...(left > 0 ? ['', `${left} more rows are left out.`] : []),
  ].join('\n');
}

export function renderMarkdown(document: ReportDocument, figures: readonly Figure[]): string {
  const { title, description, verdict, facts, failures, table } = document;
  const parts = [
    `# ${escaped(title)}`,
    escaped(description),
    `**${escaped(verdict)}**`,
    ...(failures === undefined ? [] : ['## Failures', grid(failures)]),
    ...figures.flatMap(({ title: heading, caption, files }) => [
      `## ${escaped(heading)}`,
      `![${escaped(heading)}](${encodeURI(files.svg)})`,
      `${escaped(caption)} [Data](${encodeURI(files.data)}), [specification](${encodeURI(files.spec)}).`,
    ]),
    ...(table.rows.length === 0 ? [] : ['## Results', grid(table)]),
    '## What was run',
    facts.map(([name, value]) => `- ${escaped(name)}: ${escaped(value)}`).join('\n'),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}
