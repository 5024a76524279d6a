/**
 * `ringfence report`: a finished batch → report.html (or report.md) and, beside it, every chart as picture, data and
 * specification.
 *
 *   <out>/report.html            all in one file; opens without a network
 *   <out>/report/01-<title>.svg  .csv  .vl.json     the specification reads the data beside it
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BatchError, readBatch } from '../experiment/tables.js';
import type { Chart } from './charts.js';
import { makeDocument, type ReportDocument } from './document.js';
import { type Figure, renderHtml } from './html.js';
import { renderMarkdown } from './markdown.js';
import { renderSvg, standalone } from './svg.js';

const FOLDER = 'report';
const CHART_FILE = /^[0-9]{2}-[a-z0-9-]*\.(svg|csv|vl\.json)$/;

/** A file name of whole words, as many as fit into 40 characters. */
function slug(title: string): string {
  const words = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return (
    (words.length <= 40
      ? words
      : words
          .slice(0, 41)
          .replace(/-[^-]*$/, '')
          .slice(0, 40)) || 'chart'
  );
}

/** RFC 4180, columns in the order of the first row. */
function csv({ data }: Chart): string {
  const names = [...new Set(data.flatMap((row) => Object.keys(row)))];
  const field = (value: unknown): string => {
    const text = value === null || value === undefined ? '' : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [names, ...data.map((row) => names.map((name) => row[name]))]
    .map((row) => `${row.map(field).join(',')}\n`)
    .join('');
}

/** Types of the data's columns, so that a reader of the CSV does not have to guess. */
function parse({ data }: Chart): Record<string, string> {
  const kinds: Record<string, string> = {};
  for (const row of data)
    for (const [name, value] of Object.entries(row)) if (value !== null) kinds[name] = typeof value;
  return kinds;
}

async function draw(
  chart: Chart,
  index: number,
): Promise<Figure & { readonly texts: Readonly<Record<string, string>> }> {
  const name = `${String(index + 1).padStart(2, '0')}-${slug(chart.title)}`;
  const svg = await renderSvg(chart, `c${index}`);
  const { config, ...rest } = chart.spec;
  const data = { url: `${name}.csv`, format: { type: 'csv', parse: parse(chart) } };
  const spec = { ...rest, title: chart.title, data, config: withInk(config) };
  return {
    title: chart.title,
    caption: chart.caption,
    ...(chart.grid !== undefined && { grid: chart.grid }),
    svg,
    files: { svg: `${FOLDER}/${name}.svg`, data: `${FOLDER}/${name}.csv`, spec: `${FOLDER}/${name}.vl.json` },
    texts: { svg: standalone(svg), data: csv(chart), spec: `${JSON.stringify(spec, null, 2)}\n` },
  };
}

/** Whoever opens the specification elsewhere gets the colours of his own tool. */
function withInk(config: unknown): unknown {
  const { axis: _1, legend: _2, header: _3, ...rest } = config as Record<string, unknown>;
  return rest;
}

export interface ReportFiles {
  /** Path of the report. */
  readonly report: string;
  readonly charts: number;
  /** Charts that cannot be drawn, and why; the report tells as well. */
  readonly leftOut: readonly string[];
}

/**
 * Writes the report of the batch in `folder`. Charts of an older report are removed.
 * @throws BatchError if the folder holds no finished batch, or nothing can be written
 */
export async function writeReport(
  folder: string,
  out: string = folder,
  format: 'html' | 'markdown' = 'html',
): Promise<ReportFiles> {
  const document: ReportDocument = makeDocument(folder, readBatch(folder));
  const figures = await Promise.all(document.charts.map(draw));
  const report = join(out, format === 'html' ? 'report.html' : 'report.md');
  try {
    mkdirSync(join(out, FOLDER), { recursive: true });
    for (const name of readdirSync(join(out, FOLDER))) if (CHART_FILE.test(name)) rmSync(join(out, FOLDER, name));
    for (const { files, texts } of figures) {
      for (const kind of ['svg', 'data', 'spec'] as const) writeFileSync(join(out, files[kind]), texts[kind] ?? '');
    }
    writeFileSync(report, format === 'html' ? renderHtml(document, figures) : renderMarkdown(document, figures));
  } catch (error) {
    throw new BatchError(`${out}: cannot be written: ${(error as Error).message}`);
  }
  return { report, charts: figures.length, leftOut: document.leftOut };
}
