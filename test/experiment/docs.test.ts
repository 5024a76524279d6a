/** What the documents say of the language and of results is so. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CELL_STATUSES } from '../../src/experiment/cell.js';
import { DOMAIN_COLUMNS, HOST_COLUMNS, WALL_COLUMNS } from '../../src/experiment/columns.js';
import { AGGREGATES } from '../../src/experiment/expression.js';
import { readCatalogue } from '../../src/experiment/guests.js';
import { parsePlan } from '../../src/experiment/plan.js';

const language = readFileSync('docs/scenarios.md', 'utf8');
const results = readFileSync('docs/results.md', 'utf8');
const blocks = [...language.matchAll(/```yaml\n([^`]+)```/g)].map(([, text]) => text ?? '');
const context = { catalogue: readCatalogue(resolve('guests')) };

describe('docs/scenarios.md', () => {
  it('shows templates that are right', () => {
    const text = blocks[0]!.replace(/^include:.*\n/m, '');
    const { domains } = parsePlan('doc.yaml', text, [], context).points[0]!.scenario;
    expect(domains.map(({ guest, memoryBytes }) => [guest, memoryBytes / 1024 ** 2])).toEqual([
      ['pchase', 4],
      ['pchase', 8],
    ]);
  });

  it('shows a sweep that is right: 3 × 2 × 3 × 2 × 2 × 100 cells of it, with fewer draws here', () => {
    const domains = 'domains: {chase: {guest: pchase}, sieve: {guest: sieve}, crowd: {guest: hello}}\n';
    const text = domains + blocks[1]!.replace('count: 100', 'count: 2');
    expect(parsePlan('doc.yaml', text, [], context).points).toHaveLength(3 * 2 * 3 * 2 * 2 * 2);
  });

  it('shows a sweep whose 64 cells share two boots', () => {
    const { points } = parsePlan('doc.yaml', blocks[2]!, [], context);
    expect(points).toHaveLength(64);
    const before = points.map(({ scenario: { boot, domains } }) => [domains[0]?.memoryBytes, boot?.before]);
    expect(new Set(before.map((each) => JSON.stringify(each))).size).toBe(2);
  });

  it('shows a claim that is right, and names every function', () => {
    const text = `domains: {victim: {guest: hello}, crowd: {guest: hello, count: 2}}\nsweep: {grid: {domains.victim.cmdline: {as: mode, values: [ctr, ctr+mac]}}}\n${blocks[3]}`;
    expect(parsePlan('doc.yaml', text, [], context).points).toHaveLength(2);
    const attacks = `domains: {victim: {guest: hello}, attacker: {guest: hello}}\n${blocks[4]}`;
    expect(parsePlan('doc.yaml', attacks, [], context).points).toHaveLength(6);
    const pages = 'domains.victim.translation.page: {as: page, values: [4k, 2m]}';
    const sizes = 'domains.victim.memory: {as: size, values: [4MiB, 8MiB]}';
    const across = `domains: {victim: {guest: hello}}\nsweep: {grid: {${pages}, ${sizes}}}\n${blocks[5]}`;
    expect(parsePlan('doc.yaml', across, [], context).across).toHaveLength(2);
    const columns = { cmdline: 'attack', input: 'mode', memory: 'working_set', 'translation.page': 'ept_page' };
    const grid = Object.entries(columns).map(([path, as]) => {
      const value = { memory: '4MiB', 'translation.page': '4k' }[path] ?? 'x';
      return `domains.a.${path}: {as: ${as}, values: [${value}]}`;
    });
    const charts = `domains: {a: {guest: hello}}\nsweep: {grid: {${grid.join(', ')}}}\n${blocks[6]}`;
    expect(parsePlan('doc.yaml', charts, [], context).report.charts).toHaveLength(2);
    for (const name of [...AGGREGATES, 'abs', 'contains', 'matches', 'param']) expect(language).toContain(`${name}(`);
  });
});

it('docs/results.md names every column and every status', () => {
  for (const { name, about } of [...DOMAIN_COLUMNS, ...HOST_COLUMNS, ...WALL_COLUMNS]) {
    if (!name.startsWith('exits_'))
      expect(results).toMatch(new RegExp(`\\| \`${name}\` \\| .* \\| ${about.slice(0, 20).replace(/[()]/g, '.')}`));
  }
  for (const status of CELL_STATUSES) expect(results).toContain(`\`${status}\``);
});
