/**
 * Whatever is wrong with a scenario: exit 2, every line `place: mistake; allowed: …`, nothing run, nothing written, no stack.
 * Each generated scenario has one to four mistakes, each made at a line of its own that the generator knows.
 */
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Workspace } from './console.js';
import { fakeMachine } from './fake-machine.js';

const at = new Workspace();
afterAll(() => at.remove());

/** A wrong value for a key whose right values are known. */
const wrongValue: Record<string, fc.Arbitrary<string>> = {
  pcpus: fc.constantFrom('0', '65', '-1', '1.5', 'two', '[1]', '{}', 'null', '"4"', '1e9', 'true'),
  frequency: fc.constantFrom('1', 'fast', '1THz', '-1GHz', '[]', '1 GHz GHz', '0.1Hz'),
  quantum: fc.constantFrom('10', '1', '0s', '1h', '10 seconds', '2min', '-1ms', '{}'),
  seed: fc.oneof(fc.integer({ max: -1 }).map(String), fc.constantFrom('0.5', 'x', '4294967296', '.inf', '.nan', '~')),
  clock: fc.constantFrom('wall', 'Domain', '5', '[]'),
  memory: fc.constantFrom(
    '0',
    '1MiB',
    '3GiB',
    '4M',
    '4095KiB',
    '-4MiB',
    '1e99',
    '9007199254740993',
    'lots',
    '[]',
    '0x10',
  ),
  pcpu: fc.constantFrom('64', '-1', 'first', '0.5', '{}'),
  count: fc.constantFrom('0', '-1', '4097', '1.5', 'many', '1e300'),
  cmdline: fc.constantFrom('[a]', '{a: b}', '"\\u20ac"', 'true'),
  'max-instructions': fc.constantFrom('0', '-1', '20X', '1.5', '[]'),
  translation: fc.constantFrom('ept', '[]', '{kind: none}', '{page: 3m}', '{accessed-dirty: maybe}', '{kinds: ept}'),
  expect: fc.constantFrom('poweroff', '{outcome: fine}', '{checksum: 12}', '{checksum: nativ}', '{sum: native}'),
};
const HOST_KEYS = ['pcpus', 'frequency', 'quantum', 'seed', 'clock'];
const DOMAIN_KEYS = ['memory', 'pcpu', 'count', 'cmdline', 'max-instructions', 'translation', 'expect'];

interface Mistake {
  readonly place: 'top' | 'host' | 'domain';
  readonly line: string;
}

const value = (place: Mistake['place'], keys: string[]): fc.Arbitrary<Mistake> =>
  fc.constantFrom(...keys).chain((key) => wrongValue[key]!.map((text) => ({ place, line: `${key}: ${text}` })));
const unknown = fc
  .record({
    place: fc.constantFrom('top' as const, 'host' as const, 'domain' as const),
    key: fc.stringMatching(/^[a-z_]{4,12}x$/),
    value: fc.constantFrom('1', 'x', '[]', '{a: 1}', ''),
  })
  .map(({ place, key, value: text }) => ({ place, line: `${key}: ${text}` }));
const guest = fc
  .constantFrom('goood', 'nowhere.elf', '../x/y', '5', '[]', '')
  .map((text) => ({ place: 'domain' as const, line: `guest: ${text}` }));

/** The parts of the language that are about batches. */
const batch = fc
  .constantFrom(
    'sweep: {gird: {}}',
    'sweep: []',
    'sweep: {grid: {host.pcpu: [1]}}',
    'sweep: {grid: {domains.nobody.memory: [4MiB]}}',
    'sweep: {grid: {host.seed: []}}',
    'sweep: {grid: {host.seed: {from: 1, to: 9}}}',
    'sweep: {grid: {host.seed: {from: 9, to: 1, step: 1}}}',
    'sweep: {grid: {host.seed: {from: 1, to: 9, stop: 1}}}',
    'sweep: {zip: {host.seed: [1, 2], host.slice: [1ms]}}',
    'sweep: {random: {count: 0, values: {host.seed: [1]}}}',
    'sweep: {random: {count: 9, values: {host.seed: [1, 2]}}}',
    'sweep: {list: {host.seed: 1}}',
    'sweep: {grid: {title: [a, b]}}',
    'repeat: 0',
    'repeat: many',
    'repeat: 100001',
    'expect: {claim: x}',
    'expect: [{claim: x}]',
    'expect: [{that: "host.quanta > 1"}]',
    'templates: []',
    'templates: {t: {memory: 1GB}}',
    'templates: {t: {memry: 4MiB}}',
    'limits: {cell-time: 5}',
    'limits: {cell-memory: 8GiB}',
    'report: {charts: [{kind: pie, x: retired}]}',
    'report: {chart: []}',
  )
  .map((line) => ({ place: 'top' as const, line }));

const any = fc.oneof(value('host', HOST_KEYS), value('domain', DOMAIN_KEYS), unknown, guest, batch);
const mistakes = fc.uniqueArray(any, {
  minLength: 1,
  maxLength: 4,
  selector: ({ place, line }) => `${place} ${line.split(':')[0]}`,
});

/** The scenario's text, and the lines (1-based) that hold mistakes. */
function write(made: readonly Mistake[], listed: boolean): { text: string; wrong: Set<number> } {
  const lines = ['title: Generated'];
  const wrong = new Set<number>();
  const add = (place: Mistake['place'], indent: string): void => {
    for (const mistake of made.filter((candidate) => candidate.place === place)) {
      lines.push(indent + mistake.line);
      wrong.add(lines.length);
    }
  };
  add('top', '');
  lines.push('host:', '  slice: 1ms');
  add('host', '  ');
  lines.push('domains:', listed ? '  - name: first' : '  first:');
  if (!listed) lines.push('    input: ""');
  if (!made.some(({ line }) => line.startsWith('guest:'))) lines.push('    guest: good');
  add('domain', '    ');
  lines.push(listed ? '  - name: second' : '  second:', '    guest: crash', '');
  return { text: lines.join('\n'), wrong };
}

async function check(text: string): Promise<string[]> {
  const path = at.write('generated.yaml', text);
  const machine = fakeMachine();
  const { code, out, err } = await at.run(['run', path, '--out', at.path('never')], { machine });
  expect([code, out, machine.runs(), existsSync(at.path('never'))]).toEqual([2, '', 0, false]);
  expect(err).not.toMatch(/^\s+at |internal error|undefined|\[object/m);
  return err
    .trimEnd()
    .split('\n')
    .map((line) => {
      expect(line.startsWith(`${path}:`)).toBe(true);
      const rest = line.slice(path.length);
      expect(rest).toMatch(/^:\d+:\d+: .+; allowed: .+$/);
      return rest;
    });
}

describe('a broken scenario', () => {
  it('is told line by line, all mistakes and nothing else (300 cases)', async () => {
    await fc.assert(
      fc.asyncProperty(mistakes, fc.boolean(), async (made, listed) => {
        const { text, wrong } = write(made, listed);
        const told = (await check(text)).map((line) => Number(line.split(':')[1]));
        expect(new Set(told)).toEqual(wrong);
        expect(told).toEqual([...told].sort((a, b) => a - b));
      }),
      { numRuns: 300 },
    );
  });

  it('of broken YAML is told with its place (200 cases)', async () => {
    const good = 'title: Good\nhost: {pcpus: 2, seed: 1}\ndomains:\n  - {guest: good, expect: {outcome: poweroff}}\n';
    const junk = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '\t',
      ': :',
      '- ',
      '&',
      '*',
      '!',
      '|',
      '>',
      '%',
      '@',
      '`',
      ',',
      '\n',
      '\0',
      '\u001b[31m',
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length), fc.array(junk, { minLength: 1, maxLength: 5 }), async (where, pieces) => {
        const text = good.slice(0, where) + pieces.join('') + good.slice(where);
        const path = at.write('junk.yaml', text);
        const { code, err } = await at.run(['check', path]);
        expect([0, 2]).toContain(code); // some junk is still a good scenario, in a title for example
        if (code === 0) return;
        // biome-ignore lint/suspicious/noControlCharactersInRegex: a scenario must not write on the terminal
        expect(err).not.toMatch(/[\u0000-\u0009\u000b-\u001f]|internal error|^\s+at /m);
        for (const line of err.trimEnd().split('\n'))
          expect(line.slice(path.length)).toMatch(/^:\d+:\d+: .+; allowed: .+$/);
      }),
      { numRuns: 200 },
    );
  });

  it('of random bytes never breaks the reader (200 cases)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string({ maxLength: 200, unit: 'binary' }), fc.json({ maxDepth: 4 })),
        async (text) => {
          const { code, err } = await at.run(['check', at.write('random.yaml', text)]);
          expect(code).toBe(2);
          expect(err).not.toMatch(/internal error|^\s+at /m);
        },
      ),
      { numRuns: 200 },
    );
  });
});
