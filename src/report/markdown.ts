/** A report as Markdown, for READMEs: the pictures stay in files beside it. */
import type { Tone } from '../experiment/cell.js';
import type { ReportDocument } from './document.js';
import type { Grid } from './grid.js';
import type { Figure } from './html.js';

/** Characters that Markdown or HTML would take for their own. */
const escaped = (text: string): string =>
  text.replace(/[\\`*_[\]<>|#]/g, (sign) => `\\${sign}`).replace(/\s*[\r\n]+\s*/g, ' ');

/** Rows that a README can bear. */
const MAX_ROWS = 40;

const SIGNS: Readonly<Record<Tone, string>> = { good: '✓ ', plain: '', warn: '▲ ', bad: '✗ ' };

/** A table with words in its fields: signs say what colours say elsewhere. */
function matrix({ headings, rows, tones = [] }: Grid): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const signed = rows.map((row, index) =>
    row.map((text, column) => `${SIGNS[tones[index]?.[column] ?? 'plain']}${escaped(text)}`),
  );
  const names = headings.map(({ text }) => escaped(text));
  return [names, headings.map((_, index) => (index === 0 ? '---' : ':---:')), ...signed].map(line).join('\n');
}

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
    ...figures.flatMap(({ title: heading, caption, grid: table, files }) => [
      `## ${escaped(heading)}`,
      table === undefined ? `![${escaped(heading)}](${encodeURI(files.svg)})` : matrix(table),
      `${escaped(caption)} [Data](${encodeURI(files.data)}), [specification](${encodeURI(files.spec)}).`,
    ]),
    ...(table.rows.length === 0 ? [] : ['## Results', grid(table)]),
    '## What was run',
    facts.map(([name, value]) => `- ${escaped(name)}: ${escaped(value)}`).join('\n'),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}
