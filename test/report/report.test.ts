import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vega from 'vega';
import * as lite from 'vega-lite';
import { afterAll, describe, expect, it } from 'vitest';
import type { ChartSpec, ReportSpec } from '../../src/experiment/cell.js';
import { tablesOf } from '../../src/experiment/tables.js';
import { makeChart } from '../../src/report/charts.js';
import { Frame } from '../../src/report/frame.js';
import { renderSvg } from '../../src/report/svg.js';
import { Workspace } from '../cli/console.js';
import { MEMORIES, makeBatch, makeRecords, REPEATS, writeBatch } from './batch.js';

const work = new Workspace();
afterAll(() => work.remove());

const batch = makeBatch();
const frame = new Frame(tablesOf(batch).at(-1)!);

const EVERY_KIND: readonly ChartSpec[] = [
  { kind: 'bar', x: 'memory', y: 'tlb_misses', colour: 'page' },
  { kind: 'point', x: 'tlb_misses', y: 'cycles', colour: 'name', facet: 'page' },
  { kind: 'box', x: 'memory', y: 'wall_run_ms', colour: 'page' },
  { kind: 'heatmap', x: 'memory', y: 'page', colour: 'tlb_misses', facet: 'name' },
  { kind: 'histogram', x: 'wall_run_ms', where: "page == '4k'" },
  { kind: 'line', x: 'memory', y: 'host_virtual_ns', colour: 'page', 'y-scale': 'log' },
  { kind: 'line', x: 'page', y: 'tlb_misses', colour: 'name' },
  { kind: 'matrix', x: 'page', y: 'memory', colour: 'outcome', where: "name == 'sieve'" },
];

async function report(name: string, spec?: ReportSpec, changed = batch, ...args: string[]) {
  const folder = writeBatch(work.path(name), changed, spec);
  return { folder, ...(await work.run(['report', folder, ...args])) };
}

describe('charts', () => {
  it('draw medians that can be recomputed from the records', () => {
    const { data } = makeChart(
      frame,
      { kind: 'line', x: 'memory', y: 'tlb_misses', colour: 'page', facet: 'name' },
      '',
    );
    expect(data).toHaveLength(MEMORIES.length * 2 * 2);
    for (const { x, y, colour, facet, low, high, samples } of data) {
      const values = batch.deterministic
        .filter(({ cell }) => cell.parameters.memory === Number(x) * 1024 ** 2 && cell.parameters.page === colour)
        .map(({ deterministic }) => Number(deterministic?.domains.find((row) => row.name === facet)?.tlb_misses))
        .sort((a, b) => a - b);
      expect(samples).toBe(REPEATS);
      expect(y).toBe(values[2]);
      expect(Number(low)).toBeGreaterThanOrEqual(values[0]!);
      expect(Number(high)).toBeLessThanOrEqual(values[4]!);
    }
  });

  it('count a cell once in a chart without columns of its domains', () => {
    const { data } = makeChart(frame, { kind: 'histogram', x: 'wall_run_ms' }, '');
    expect(data).toHaveLength(batch.deterministic.length);
    const line = makeChart(frame, { kind: 'line', x: 'memory', y: 'wall_run_ms' }, '');
    for (const row of line.data) expect(row.samples).toBe(REPEATS * 2); // two page sizes, not two domains
  });

  it.each(EVERY_KIND)('are drawn with units on their axes: $kind', async (spec) => {
    const svg = await renderSvg(makeChart(frame, spec, 'report.charts.0'));
    expect(svg).toMatch(/^<svg /);
    expect(svg).not.toMatch(/NaN|Infinity|undefined|#010203/);
    const used = [spec.x, spec.y, spec.colour, spec.facet];
    if (spec.colour !== undefined && spec.kind !== 'matrix') expect(svg).toContain(`legend titled '${spec.colour}'`);
    if (used.includes('memory')) expect(svg).toContain('memory [MiB]');
    if (used.includes('host_virtual_ns')) expect(svg).toContain('host_virtual [ms]');
    if (used.includes('wall_run_ms')) expect(svg).toMatch(/wall_run(_ms| \[s\])</);
  });

  it.each<[ChartSpec, RegExp]>([
    [{ kind: 'line', x: 'memori', y: 'cycles' }, /report\.charts\.0\.x: no column 'memori', did you mean 'memory'/],
    [{ kind: 'line', x: 'memory' }, /y is missing/],
    [{ kind: 'line', x: 'memory', y: 'guest' }, /guest holds texts/],
    [{ kind: 'heatmap', x: 'memory', y: 'page' }, /colour is missing/],
    [{ kind: 'bar', x: 'memory', y: 'cycles', colour: 'seed', where: 'cell < 0' }, /no row satisfies cell < 0/],
    [{ kind: 'line', x: 'memory', y: 'page_faults', 'y-scale': 'log' }, /not positive; allowed: linear/],
    [{ kind: 'bar', x: 'memory', y: 'cycles', colour: 'state_sha256', where: 'cell <' }, /where: /],
    [{ kind: 'matrix', x: 'memory', colour: 'outcome' }, /y is missing/],
    [{ kind: 'matrix', x: 'memory', y: 'page' }, /neither colour nor words/],
    [{ kind: 'matrix', x: 'memory', y: 'cycles', colour: 'outcome' }, /has \d+ values; allowed: .* at most 40/],
    [
      { kind: 'matrix', x: 'memory', y: 'page', words: [{ when: 'outcom == 1', word: 'w' }] },
      /report\.charts\.0\.words\.0\.when: there is no 'outcom', did you mean 'outcome'/,
    ],
    [{ kind: 'line', x: 'page', y: 'cycles', colour: 'cell' }, /has 40 values; allowed: a column with at most 12/],
  ])('that cannot be drawn are left out and told of: %o', async (chart, message) => {
    const { code, err } = await report('wrong', { charts: [chart] });
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(err.trimEnd()).not.toContain('\n');
    expect(err).toMatch(/^ringfence: left out: report\.charts\.0/);
  });
});

it('a chart that cannot be drawn does not take the others, the table and the verdict with it', async () => {
  const [bad, good] = [
    { kind: 'line', x: 'memory', y: 'page_faults', 'y-scale': 'log' },
    { kind: 'line', x: 'memory', y: 'cycles' },
  ] as const;
  const { code, err } = await report('partly', { charts: [bad, good] });
  expect([code, err.match(/left out/g)?.length]).toEqual([2, 1]);
  const html = readFileSync(work.path('partly/report.html'), 'utf8');
  expect(html.match(/<figure>/g)).toHaveLength(1);
  expect(html).toContain('page_faults has values that are not positive');
});

describe('a matrix', () => {
  const words = [
    { when: "param('page') == '4k' and repeat == 0", word: 'succeeded', tone: 'bad' },
    { when: "page == '4k'", word: 'detected', tone: 'good' },
    { when: 'memory >= 32MiB', word: 'garbled', tone: 'warn' },
  ] as const;
  const matrix: ChartSpec = {
    kind: 'matrix',
    title: 'Attacks',
    x: 'page',
    y: 'memory',
    where: "name == 'sieve'",
    words,
  };

  it('says the first word that fits, the share of each where repeats differ, the worst first, and its tone', () => {
    const { grid, data } = makeChart(frame, matrix, '');
    expect(grid?.headings.map(({ text }) => text)).toEqual(['memory [MiB] / page', '4k', '2m']);
    const mixed = `succeeded 1/${REPEATS}, detected ${REPEATS - 1}/${REPEATS}`;
    for (const [index, row] of grid!.rows.entries()) {
      const size = MEMORIES[index]! / 1024 ** 2;
      expect(row).toEqual([String(size), mixed, size >= 32 ? 'garbled' : '–']);
      expect(grid!.tones?.[index]).toEqual([undefined, 'bad', size >= 32 ? 'warn' : 'plain']);
    }
    expect(data).toHaveLength(MEMORIES.length * 2);
  });

  it('shows values of texts, and medians of numbers', () => {
    const texts = makeChart(frame, { kind: 'matrix', x: 'name', y: 'page', colour: 'outcome' }, '').grid;
    expect(texts?.rows).toEqual([
      ['4k', 'poweroff', 'poweroff'],
      ['2m', 'poweroff', 'poweroff'],
    ]);
    const numbers = makeChart(frame, { kind: 'matrix', x: 'name', y: 'page', colour: 'memory' }, '').grid;
    for (const row of numbers!.rows) expect(row[1]).toMatch(/^[0-9.,]+ MiB$/);
  });

  it('is a table with tones in HTML, and with signs in Markdown; picture, data and specification lie beside it', async () => {
    const { folder } = await report('matrix', { charts: [matrix] });
    const html = readFileSync(join(folder, 'report.html'), 'utf8');
    expect(html).toContain('<table class="matrix">');
    expect(html).toMatch(
      /<th scope="row">4<\/th><td class="bad">succeeded 1\/5, detected 4\/5<\/td><td class="plain">–<\/td>/,
    );
    expect(html).not.toContain('<svg');
    await work.run(['report', folder, '--markdown']);
    const markdown = readFileSync(join(folder, 'report.md'), 'utf8');
    expect(markdown).toContain('| 4 | ✗ succeeded 1/5, detected 4/5 | – |');
    expect(markdown).toMatch(/\| 32 \| ✗ .* \| ▲ garbled \|/);
    expect(readdirSync(join(folder, 'report')).sort()).toEqual([
      '01-attacks.csv',
      '01-attacks.svg',
      '01-attacks.vl.json',
    ]);
    expect(readFileSync(join(folder, 'report/01-attacks.svg'), 'utf8')).toContain('garbled');
  });
});

describe('ringfence report', () => {
  it('writes one file that needs nothing else, and the charts beside it', async () => {
    const { folder, code, out } = await report('defaults');
    expect([code, out]).toEqual([0, `${folder}/report.html\n`]);
    const html = readFileSync(join(folder, 'report.html'), 'utf8');
    expect(html).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org\/)|<link [^>]*stylesheet|@import|src="(?!data:)/);
    expect(html).toContain('prefers-color-scheme:dark');
    expect(html).toContain('@media print');
    expect(html).toContain(batch.fingerprint);
    expect(html).toContain('All 40 cells ran, and no claim failed.');
    const ids = [...html.matchAll(/\bid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const files = readdirSync(join(folder, 'report'));
    expect(html.match(/<figure>/g)).toHaveLength(files.length / 3);
    for (const [, file = ''] of html.matchAll(/href="([^"]+\.[a-z]+)"/g))
      expect(existsSync(join(folder, file))).toBe(true);
  });

  it('saves specifications that draw the same picture from the data beside them', async () => {
    const { folder } = await report('saved', { charts: [{ kind: 'line', x: 'memory', y: 'cycles', colour: 'page' }] });
    const [data = '', svg = '', spec = ''] = readdirSync(join(folder, 'report')).sort();
    expect([data, svg, spec]).toEqual([
      '01-cycles-by-memory.csv',
      '01-cycles-by-memory.svg',
      '01-cycles-by-memory.vl.json',
    ]);
    const saved = JSON.parse(readFileSync(join(folder, 'report', spec), 'utf8')) as lite.TopLevelSpec;
    const loader = vega.loader();
    loader.load = async (url: string) => readFileSync(join(folder, 'report', url), 'utf8') as never;
    const view = new vega.View(vega.parse(lite.compile(saved).spec), { renderer: 'none', loader });
    const again = await view.toSVG();
    view.finalize();
    const points = (text: string): string[] =>
      [...text.matchAll(/ d="(M[^"]+)"/g)]
        .map(([, path = '']) => path)
        .filter((path) => path.split('L').length === MEMORIES.length);
    expect(points(again)).toHaveLength(2);
    expect(points(again)).toEqual(points(readFileSync(join(folder, 'report', svg), 'utf8')));
  });

  it('is the same for the same results, and forgets the charts of an older report', async () => {
    const first = await report('again', { charts: [...EVERY_KIND] });
    const before = readFileSync(join(first.folder, 'report.html'), 'utf8');
    await report('again', { charts: [...EVERY_KIND] });
    expect(readFileSync(join(first.folder, 'report.html'), 'utf8') === before).toBe(true);
    expect(readdirSync(join(first.folder, 'report'))).toHaveLength(EVERY_KIND.length * 3);
    await report('again', { charts: [] });
    expect(readdirSync(join(first.folder, 'report'))).toHaveLength(0);
  });

  it('tells what failed, and lets no text become markup', async () => {
    const evil = '<img src=x onerror=alert(1)> & "quotes" | pipe';
    const failed = makeBatch(
      makeRecords(1, (record) => {
        const claims = [{ domain: 'sieve', claim: evil, expected: 'poweroff', found: evil }];
        return record.cell.index === 9 ? { ...record, status: 'claim-failed', claims } : record;
      }),
    );
    const named = { ...failed, scenario: { name: 'sweep', title: evil, description: evil } };
    const { folder } = await report('failed', undefined, named);
    const html = readFileSync(join(folder, 'report.html'), 'utf8');
    expect(html).not.toContain('<img');
    expect(html).toContain('40 cells: 39 ok, 1 claim-failed.');
    expect(html).toContain('ringfence run sweep.yaml --cell 9');
    await work.run(['report', folder, '--markdown']);
    const markdown = readFileSync(join(folder, 'report.md'), 'utf8');
    expect(markdown).not.toMatch(/(?<!\\)<img/);
    expect(markdown).toContain('](report/01-');
    for (const [, file = ''] of markdown.matchAll(/\]\(([^)]+)\)/g)) expect(existsSync(join(folder, file))).toBe(true);
  });

  it('reports a batch in which nothing succeeded, and one that has no sweep', async () => {
    const lost = makeRecords(1, ({ deterministic: _1, wallClock: _2, ...rest }) => ({
      ...rest,
      status: 'crashed',
      error: { code: 'crashed', message: 'the worker died' },
    }));
    const { code, folder } = await report('lost', undefined, makeBatch(lost));
    expect(code).toBe(0);
    expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain('the worker died');
    const plain = { ...makeBatch(makeRecords().slice(0, 3)), parameters: [] };
    expect((await report('plain', undefined, plain)).code).toBe(0);
  });

  it('leaves a foreign folder alone', async () => {
    mkdirSync(work.path('foreign'));
    writeFileSync(work.path('foreign/notes.txt'), 'mine');
    expect((await work.run(['report', work.path('foreign')])).code).toBe(2);
    expect(readdirSync(work.path('foreign'))).toEqual(['notes.txt']);
  });

  const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
    (name) => spawnSync(name, ['--version']).status === 0,
  );
  it.skipIf(chromium === undefined)('opens in Chromium without a console message', async () => {
    const { folder } = await report('browser', { charts: [...EVERY_KIND] });
    const picture = work.path('report.png');
    const { stderr } = spawnSync(
      chromium ?? '',
      [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--enable-logging=stderr', '--window-size=1100,2000'],
        ...[
          `--user-data-dir=${work.path('profile')}`,
          `--screenshot=${picture}`,
          `file://${join(folder, 'report.html')}`,
        ],
      ],
      { encoding: 'utf8', timeout: 50_000 },
    );
    expect(stderr).not.toMatch(/CONSOLE/);
    expect(readFileSync(picture).length).toBeGreaterThan(20_000);
  });
});
