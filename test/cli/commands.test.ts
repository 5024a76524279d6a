/** init, list, schema, completion, help, and what `run` does with a sweep. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { build } from '../../src/cli/program.js';
import { batchLine, describeBatch } from '../../src/cli/run-batch.js';
import { machine } from '../../src/experiment/machine.js';
import { Workspace } from './console.js';
import { fakeMachine } from './fake-machine.js';
import { validate } from './json-schema.js';

const at = new Workspace();
afterAll(() => at.remove());
const real = { guests: resolve('guests'), machine: machine() };

const sweeping = at.write(
  'sweep.yaml',
  `title: Sweeping
domains: { a: { guest: sieve, cmdline: n=1000, memory: 4MiB, expect: { checksum: native } } }
sweep: { grid: { domains.a.memory: [4MiB, 6MiB], host.pcpus: [1, 2] } }
expect:
  - { claim: one CPU is enough, when: "param('domains.a.memory') > 4MiB", that: host.pcpus == 1 }
`,
);

describe('ringfence run with a sweep', () => {
  it('prints cells by status, the claims that failed with their reproducers, and exits 1', async () => {
    const out = at.path('swept');
    const { code, out: text, err } = await at.run(['run', sweeping, '--out', out], real);
    expect(err.split('\n')).toEqual([
      'claim failed: cell 3 (domains.a.memory=6291456, host.pcpus=2): one CPU is enough: expected host.pcpus == 1, found host.pcpus = 2',
      `  ringfence run ${sweeping} --cell 3`,
      '',
    ]);
    expect(code).toBe(1);
    expect(text).toMatch(
      /^Sweeping\n\ncells {8}4: 3 ok, 1 claim-failed\nswept {8}domains\.a\.memory \[bytes\], host\.pcpus\n/,
    );
    const results = JSON.parse(readFileSync(`${out}/results.json`, 'utf8'));
    expect(text).toContain(results.fingerprint);
    expect(validate(JSON.parse(readFileSync('docs/results.schema.json', 'utf8')), results)).toEqual([]);

    const alone = await at.run(['run', sweeping, '--cell', '3', '--json', '--out', at.path('alone')], real);
    expect(alone.code).toBe(1);
    expect(alone.err).toBe('claim failed: one CPU is enough: expected host.pcpus == 1, found host.pcpus = 2\n');
    expect(JSON.parse(alone.out).fingerprint).toBe(results.deterministic[3].deterministic.fingerprint);

    const twice = await at.run(['run', sweeping, '--out', out], real);
    expect([twice.code, twice.out]).toEqual([2, '']);
    expect(twice.err).toMatch(/holds a batch already; allowed: .* with --resume\n$/);
    const resumed = await at.run(['run', sweeping, '--out', out, '--resume', '--json'], real);
    expect(resumed.code).toBe(1);
    expect(JSON.parse(resumed.out).deterministic).toEqual(results.deterministic);
    expect(validate(JSON.parse(readFileSync('docs/results.schema.json', 'utf8')), JSON.parse(resumed.out))).toEqual([]);
  });

  it('exits 3 when a cell could not be run', async () => {
    const { code, err } = await at.run(
      ['run', sweeping, '--out', at.path('memory'), '--cell-memory', '1MiB', '--shard', '1/2'],
      real,
    );
    expect(code).toBe(3);
    expect(err).toMatch(/^memory: cell 0 \(.*\): needs \d+ MiB of flat memory; the limit is 1 MiB\n {2}ringfence run /);
  });

  it('refuses options that only a sweep has, and cells that there are not', async () => {
    const plain = at.write('plain.yaml', 'domains: [{guest: good}]\n');
    for (const option of [['--resume'], ['--shard', '1/2'], ['--console', 'all'], ['--cell-time', '1s']]) {
      const { code, err } = await at.run(['run', plain, ...option]);
      expect([code, err]).toEqual([
        2,
        `ringfence: ${option[0]} is for a scenario with sweep: or repeat:, run without --cell\n`,
      ]);
    }
    expect((await at.run(['run', sweeping, '--cell', '4'], real)).err).toBe(
      'ringfence: there is no cell 4; allowed: 0 to 3\n',
    );
    for (const wrong of [
      ['--shard', '3/2'],
      ['--shard', 'x'],
      ['--console', 'some'],
      ['--cell-time', '5'],
      ['--cell', '-1'],
    ]) {
      expect([wrong, (await at.run(['run', sweeping, ...wrong], real)).code]).toEqual([wrong, 2]);
    }
  });

  it('tells mistakes of single cells with check, and how many cells there are', async () => {
    expect(await at.run(['check', sweeping], real)).toEqual({
      code: 0,
      out: `${sweeping}: ok: 4 cells; the first: 1 domain, 4MiB, 1 physical CPU\n`,
      err: '',
    });
    const wrong = at.write('wrong-cell.yaml', 'domains: [{guest: good}]\nsweep: {grid: {host.pcpus: [1, 2,\n 99]}}\n');
    const { code, err } = await at.run(['check', wrong]);
    expect([code, err]).toEqual([2, `${wrong}:3:2: host.pcpus: 99 is too large; allowed: an integer, 1 to 64\n`]);
    const same = at.write(
      'same.yaml',
      'domains: [{guest: good}]\nsweep: {grid: {domains.good.memory: [8MiB, 8192KiB]}}\n',
    );
    expect((await at.run(['check', same])).err).toMatch(/cells 0 and 1 are the same run/);
  });

  it('shows cells, rate and time left on a terminal', () => {
    const progress = { total: 1000, done: 300, doneNow: 200, failed: 2, claimsFailed: 1 };
    expect(describeBatch(progress, 10_000)).toBe(
      '300 of 1,000 cells · 2 failed · 1 with failed claims · 20.0 cells/s · 35.0 s left',
    );
    const written: string[] = [];
    const line = (isTerminal: boolean) =>
      batchLine({ isTerminal, columns: 40, write: (text) => written.push(text) }, () => 0);
    line(false).update(progress);
    expect(written).toEqual([]);
    const shown = line(true);
    shown.update(progress);
    shown.clear();
    expect(written.map((text) => text.length)).toEqual([5 + 39, 5]);
  });
});

describe('ringfence init', () => {
  it('writes a scenario that is right and keeps its claims', async () => {
    const file = at.path('new/first.yaml');
    expect((await at.run(['init', file])).code).toBe(0);
    expect((await at.run(['check', file], real)).out).toMatch(/ok: 8 cells/);
    const again = await at.run(['init', file]);
    expect([again.code, again.err]).toEqual([2, `ringfence: ${file} exists; allowed: a new file, or --force\n`]);
    expect((await at.run(['init', file, '--force'])).code).toBe(0);
    const { code, err } = await at.run(['run', file, '--set', 'repeat=1', '--out', at.path('first')], real);
    expect([code, err]).toEqual([0, '']);
  });
});

describe('ringfence list', () => {
  it('names every shipped scenario with its title, and every guest', async () => {
    const { out } = await at.run(['list'], real);
    for (const file of readdirSync('scenarios').filter((name) => name.endsWith('.yaml'))) expect(out).toContain(file);
    expect(out).toContain('First light');
    const json = JSON.parse((await at.run(['list', '--guests', '--json'], real)).out);
    expect(json.map(({ name }: { name: string }) => name)).toContain('sieve');
  });
});

describe('ringfence schema', () => {
  it.each(['scenario', 'results'])(
    '%s is the one kept in docs/ (npx tsx src/cli/main.ts schema … writes it)',
    async (what) => {
      const { out } = await at.run(['schema', what]);
      expect(JSON.parse(readFileSync(`docs/${what}.schema.json`, 'utf8'))).toEqual(JSON.parse(out));
    },
  );

  it('accepts what the loader accepts, and refuses plain mistakes', async () => {
    const { parse } = await import('yaml');
    const schema = JSON.parse((await at.run(['schema'])).out);
    await at.run(['init', at.path('valid.yaml')]);
    const files = [at.path('valid.yaml'), sweeping, ...readdirSync('scenarios').map((name) => `scenarios/${name}`)];
    for (const file of files.filter((name) => name.endsWith('.yaml'))) {
      expect([file, validate(schema, parse(readFileSync(file, 'utf8'), { merge: true }))]).toEqual([file, []]);
    }
    for (const wrong of [
      {},
      { domains: { a: { guest: 5 } } },
      { domains: [], hots: {} },
      { domains: [], host: { pcpus: 65 } },
    ]) {
      expect(validate(schema, wrong)).not.toEqual([]);
    }
  });
});

describe('the help', () => {
  const commands = build(
    {
      ...{
        out: { write: () => {}, isTerminal: false, columns: 80 },
        err: { write: () => {}, isTerminal: false, columns: 80 },
      },
      ...{ env: {}, parallelism: 1, signal: new AbortController().signal, guests: '', versions: {} },
      machine: async () => fakeMachine(),
    },
    () => {},
  ).commands.map((command) => command.name());

  it.each(['', ...commands])('of %j fits a screen of 80 by 40 and shows an example and exit codes', async (name) => {
    const { code, out, err } = await at.run(name === '' ? ['--help'] : [name, '--help']);
    expect([code, err]).toEqual([0, '']);
    const lines = out.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(40);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(out).toMatch(/^Examples?:$/m);
    expect(out).toMatch(/^Exit codes:$/m);
    expect(out).toMatch(/^ {2}ringfence |^ {2}source /m);
  });

  it('docs/results.md tells what every command prints with --json', async () => {
    const [, table = ''] = readFileSync('docs/results.md', 'utf8').split('## What `--json` prints');
    const told = table
      .slice(0, table.indexOf('\n## '))
      .split('\n')
      .flatMap((line) => /^\| (.*?) \|/.exec(line)?.[1] ?? []);
    for (const name of commands) {
      const { out } = await at.run([name, '--help']);
      expect([name, told.some((cell) => cell.includes(`\`${name}\``))]).toEqual([name, out.includes('--json')]);
    }
  });

  it.each(['bash', 'zsh', 'fish'])('is completed in %s: every command and option', async (shell) => {
    const { code, out } = await at.run(['completion', shell]);
    expect(code).toBe(0);
    for (const word of [...commands, 'workers', 'cell-memory']) expect(out).toContain(word);
    const file = at.write(`complete.${shell}`, out);
    if (spawnSync(shell, ['--version']).error === undefined) {
      expect(spawnSync(shell, ['-n', file], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
    }
  });

  it.skipIf(!existsSync('/bin/bash'))('completes words in a real bash', async () => {
    const file = at.write('complete.sh', (await at.run(['completion', 'bash'])).out);
    const complete = (...words: string[]): string[] => {
      const script = `source ${file}; COMP_WORDS=(ringfence ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _ringfence; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return spawnSync('/bin/bash', ['-c', script], { encoding: 'utf8' }).stdout.trim().split('\n');
    };
    expect(complete('ru')).toEqual(['run']);
    expect(complete('run', '--cell')).toEqual(['--cell', '--cell-time', '--cell-memory']);
    expect(complete('run', '--console', 'f')).toEqual(['failed']);
    expect(complete('schema', 'res')).toEqual(['results']);
    expect(complete('run', `${at.folder}/swe`)).toContain(sweeping);
    const spaced = at.write('two words.yaml', '');
    expect(complete('run', `${at.folder}/two`)).toEqual([spaced]);
  });
});

describe('a pipe', () => {
  it.skipIf(!existsSync('/bin/bash')).each(['schema', 'list --guests', '--help'])(
    'of %s to head ends quietly',
    (words) => {
      const script = `set -o pipefail; "$0" --import tsx src/cli/main.ts ${words} | head -n 1`;
      const ended = spawnSync('/bin/bash', ['-c', script, process.execPath], { encoding: 'utf8' });
      expect(ended).toMatchObject({ status: 0, stderr: '' });
      expect(ended.stdout.split('\n')).toHaveLength(2);
    },
  );
});

describe('the library', () => {
  it('is all that the command line uses', () => {
    for (const name of readdirSync('src/cli')) {
      const text = readFileSync(`src/cli/${name}`, 'utf8');
      const imported = [...text.matchAll(/(?:from |import\()'(\.[^']+)'/g)].map(([, path]) => path);
      expect([name, imported.filter((path) => !path?.startsWith('./') && path !== '../index.js')]).toEqual([name, []]);
    }
  });

  it('is found by its name, with types', async () => {
    const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(Object.keys(exports['.'])).toEqual(['types', 'default']);
    const own = await import('../../src/index.js');
    for (const name of ['runScenario', 'sweep', 'defineScenario', 'checkScenario', 'ScenarioError', 'HostError']) {
      expect(own).toHaveProperty(name);
    }
  });
});
