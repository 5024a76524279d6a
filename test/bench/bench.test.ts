import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const NAMES = ['tlb-hit', 'walk', 'ept-walk', 'interpreter', 'peers', 'events', 'smm'];

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function bench(args: readonly string[], env: Readonly<Record<string, string>> = {}): Ended {
  const child = spawnSync(process.execPath, ['--import', 'tsx', 'bench/main.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { code: child.status, out: child.stdout, err: child.stderr };
}

describe('npm run bench', () => {
  it('lists the benches', () => {
    const { code, out } = bench(['--list']);
    expect(code).toBe(0);
    const listed = out
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]);
    expect(listed).toEqual(expect.arrayContaining(NAMES));
    expect(new Set(listed).size).toBe(listed.length);
  });

  it.each([
    [['no-such-bench'], "no bench is called 'no-such-bench'"],
    [['walk', '--rounds', '0'], '--rounds must be an integer from 1 to 9999'],
    [['walk', '--rounds', 'many'], '--rounds must be an integer from 1 to 9999'],
    [['peers', '--engines', 'bochs'], "no engine is called 'bochs'; there are baseline, ringfence-ept, qemu-tcg"],
    [['peers', '--clock', 'sun'], '--clock must be wall or cpu'],
    [['--colour'], "'--colour'"],
  ])('refuses %j with exit code 2', (args, message) => {
    const { code, out, err } = bench(args);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(message);
    expect(err).toContain('usage:');
  });

  it('names the benches that there are', () => {
    const { err } = bench(['no-such-bench']);
    for (const name of NAMES) expect(err).toContain(name);
  });

  it('ends with 1 where a kernel does not exist', () => {
    const { code, out, err } = bench([
      'peers',
      '--no-build',
      '--kernel',
      '/no/such/kernel.elf',
      '--engines',
      'baseline',
    ]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('/no/such/kernel.elf does not exist');
  });

  it('prints rows as JSON and nothing else on stdout', { timeout: 120_000 }, () => {
    const { code, out, err } = bench(['walk', 'interpreter', '--json', '--rounds', '1', '--no-build'], {
      RINGFENCE_BENCH_C: '0',
    });
    expect({ code, err: err.match(/the C subject is skipped/g) }).toEqual({
      code: 0,
      err: Array(2).fill(expect.any(String)),
    });
    const rows = JSON.parse(out) as Record<string, unknown>[];
    expect(rows.map(({ bench: name, subject }) => [name, subject])).toEqual([
      ['walk', 'baseline'],
      ['walk', 'ringfence'],
      ['interpreter', 'baseline'],
      ['interpreter', 'ringfence'],
    ]);
    for (const row of rows) {
      expect(row).toMatchObject({ unit: 'ns', rounds: 1, median: expect.any(Number), about: expect.any(String) });
      const base = rows.find(({ bench: name, subject }) => name === row.bench && subject === 'baseline')!;
      expect(row.median).toBeGreaterThan(0);
      // Each of the three numbers is rounded to five digits.
      const ratio = (row.median as number) / (base.median as number);
      expect(Math.abs((row.ratio as number) / ratio - 1)).toBeLessThan(2e-4);
    }
  });
});
