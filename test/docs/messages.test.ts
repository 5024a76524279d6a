/** The mistakes that the README shows are told as it shows them. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readDocument } from './markdown.js';
import { Scratch } from './scratch.js';

/** What is changed in the README's `mine.yaml`, or set, to get them. */
const MISTAKES = [
  ['memory: 8MiB', 'memory: 3GiB'],
  ['guest: quicksort', 'guest: quickstor'],
] as const;
const SETS = ['host.pcpus=99'];

it('mistakes are told as in the README, all at once', async () => {
  const scratch = new Scratch();
  const shown = /```\n(mine\.yaml:\d+:[\s\S]+?)\n```/.exec(readFileSync('README.md', 'utf8'))?.[1]?.split('\n') ?? [];
  const mine = readDocument('README.md').steps.find((step) => step.kind === 'file' && step.name === 'mine.yaml');
  expect([shown.length, mine?.kind]).toEqual([MISTAKES.length + SETS.length, 'file']);
  try {
    scratch.write(
      'mine.yaml',
      MISTAKES.reduce((text, [right, wrong]) => text.replace(right, wrong), mine?.text ?? ''),
    );
    const { code, err } = await scratch.type(
      `ringfence check mine.yaml ${SETS.map((set) => `--set ${set}`).join(' ')}`,
    );
    expect(code).toBe(2);
    const [lines, wanted] = [err.trimEnd().split('\n'), shown.map((line) => line.replace(/…$/, ''))];
    expect(wanted.filter((line) => !lines.some((each) => each.startsWith(line)))).toEqual([]);
    expect(lines).toHaveLength(wanted.length);
  } finally {
    scratch.remove();
  }
});
