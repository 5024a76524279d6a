/** Every scenario that comes with Ringfence is run as it is by some test, keeps its claims, and is named where users look. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { RUN_DOCUMENTS, readDocument } from './markdown.js';
import { notRun } from './not-run.js';
import { Scratch } from './scratch.js';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

const scenarios = readdirSync('scenarios').filter((name) => name.endsWith('.yaml'));
/** Who runs one already, with the words that do so. */
const ELSEWHERE: Readonly<Record<string, readonly [file: string, words: string]>> = {
  'hostile.yaml': ['test/experiment/end-to-end.test.ts', "run('scenarios/hostile.yaml')"],
};
/** By a command of a document: `commands.test.ts` types it. */
const typed = new Set(
  RUN_DOCUMENTS.flatMap((file) => readDocument(file).steps)
    .filter((step) => step.kind === 'command' && !notRun.has(step.text))
    .flatMap(({ text }) => /ringfence run scenarios\/(\S+\.yaml)(?! .*--(?:set|cell|shard))/.exec(text)?.[1] ?? []),
);

describe('every scenario', () => {
  let scratch: Scratch;
  beforeAll(() => {
    scratch = new Scratch();
  });
  afterAll(() => scratch.remove());

  it.each(scenarios.filter((name) => !typed.has(name) && ELSEWHERE[name] === undefined))(
    'keeps its claims: %s',
    async (name) => {
      const { code, err } = await scratch.type(`ringfence run scenarios/${name} | tee ${name}.out`);
      expect({ code, err }).toEqual({ code: 0, err: '' });
    },
  );

  it('looks as in the README, where it is the first one', async () => {
    const { out } = await scratch.type('cat first-light.yaml.out');
    const shown = /^```\n(domain +outcome[\s\S]+?)\n```$/m.exec(readFileSync('README.md', 'utf8'))?.[1] ?? '';
    /** Without MIPS, the only column of real time, which is the one before the last. */
    const words = (line: string): string => line.replace('…', '').split(/ {2,}/).toSpliced(-2, 1).join(' ');
    const rows = shown.split('\n').filter((line) => /^[a-z]/.test(line));
    expect(rows.length).toBeGreaterThan(5);
    const printed = out.split('\n');
    for (const row of rows) {
      const name = row.split(' ')[0];
      const same = printed.find((line) => line.startsWith(`${name} `)) ?? '';
      if (row.includes('poweroff')) expect(words(same)).toBe(words(row));
      else expect(same.replace(/ +/g, ' ')).toContain(row.replace('…', '').replace(/ +/g, ' '));
    }
  });

  it('is run here, or where this file says', () => {
    for (const [name, [file, words]] of Object.entries(ELSEWHERE)) {
      expect(scenarios).toContain(name);
      expect([file, readFileSync(file, 'utf8').includes(words)]).toEqual([file, true]);
    }
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(scripts.start).toMatch(/ run scenarios\/first-light\.yaml$/);
  });

  it('is named by `ringfence list` and in the table of the README', async () => {
    const { out } = await scratch.type('ringfence list');
    const rows = readFileSync('README.md', 'utf8').split('\n');
    for (const name of scenarios) {
      expect(out).toContain(`scenarios/${name} `);
      const row = rows.some((line) => line.startsWith('| `') && line.includes(`\`${name.replace('.yaml', '')}\``));
      expect([name, row]).toEqual([name, true]);
    }
  });
});
