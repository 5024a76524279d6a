/** `run --save-at` and `resume`, with the real machine. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { machine } from '../../src/experiment/machine.js';
import { Workspace } from './console.js';

const at = new Workspace();
afterAll(() => at.remove());
const real = { guests: resolve('guests'), machine: machine() };
const file = at.write(
  'two.yaml',
  'host: { pcpus: 2 }\ndomains: { a: { guest: sieve, cmdline: n=400000, memory: 4MiB }, b: { guest: timer } }\n',
);
const fingerprint = (folder: string): string => JSON.parse(readFileSync(`${folder}/results.json`, 'utf8')).fingerprint;

it('goes on with a saved host to the results of the whole run; other files are refused with exit code 2', async () => {
  const whole = at.path('whole');
  const saved = at.path('two.save');
  const run = ['run', file, '--out', whole, '--workers', '1', '--save-at', '2ms', '--save-to', saved];
  expect((await at.run(run, real)).code).toBe(0);
  const rest = at.path('rest');
  const resumed = await at.run(['resume', saved, '--out', rest, '--workers', '1'], real);
  expect([resumed.code, fingerprint(rest)]).toEqual([0, fingerprint(whole)]);
  const bytes = readFileSync(saved);
  for (const [name, contents, message] of [
    ['cut', bytes.subarray(0, 9000), 'is damaged'],
    ['other', Buffer.from('domains: {}'), 'is no saved host'],
  ] as const) {
    const path = at.path(name);
    writeFileSync(path, contents);
    const { code, err } = await at.run(['resume', path], real);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  }
  expect((await at.run(['resume', at.path('absent')], real)).code).toBe(2);
  const late = await at.run(['run', file, '--out', whole, '--workers', '1', '--save-at', '60s'], real);
  expect([late.code, late.err]).toEqual([0, expect.stringContaining('nothing was saved')]);
});

it('saves one domain and restores it in another scenario; a wrong name, file or key is refused with exit code 2', async () => {
  const whole = at.path('one');
  const saved = at.path('a.domain');
  const save = ['--save-at', '2ms', '--save-domain', 'a', '--save-to', saved];
  expect((await at.run(['run', file, '--out', whole, '--workers', '1', ...save], real)).code).toBe(0);
  const restore = (more = '', host = 'pcpus: 1'): string =>
    at.write(
      'again.yaml',
      `host: { ${host} }
domains: { x: { guest: hello }, y: { restore: a.domain, count: 2, expect: { checksum: native }${more} } }
`,
    );
  const out = at.path('again');
  expect((await at.run(['run', restore(), '--out', out, '--workers', '1'], real)).code).toBe(0);
  const domainsOf = (folder: string) =>
    JSON.parse(readFileSync(`${folder}/results.json`, 'utf8')).deterministic.domains;
  const [a] = domainsOf(whole);
  const [, y, z] = domainsOf(out);
  for (const each of [y, z]) {
    for (const key of ['consoleSha256', 'stateHash', 'retired', 'cycles', 'tlbMisses', 'walkEpt', 'exits', 'outcome']) {
      expect(each[key]).toEqual(a[key]);
    }
    expect(each.inherited).toBeGreaterThan(100_000);
  }
  const refused = async (argv: readonly string[], message: string): Promise<void> => {
    const { code, err } = await at.run(argv, real);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  };
  await refused(['check', restore(', memory: 8MiB')], 'again.yaml:2:97: domains.y.memory: is that of the saved domain');
  await refused(['check', restore('', 'frequency: 2GHz')], 'ran at another frequency; allowed: 1000MHz');
  await refused(['check', restore('', 'clock: pcpu')], 'a restored domain has a clock of its own');
  await refused(['run', file, ...save, '--save-domain', 'aa'], "no domain 'aa', did you mean 'a'?");
  await refused(['run', file, '--save-domain', 'a'], '--save-domain needs --save-at');
  for (const [contents, message] of [
    [readFileSync(saved).fill(1, 5000, 5001), 'is damaged'],
    [readFileSync(saved).subarray(0, 5000), 'is damaged'],
    [Buffer.from('\x7fELF'), 'is no saved domain'],
  ] as const) {
    writeFileSync(at.path('b.domain'), contents);
    const broken = at.write('b.yaml', 'domains: { y: { restore: b.domain } }\n');
    await refused(['check', broken], `b.yaml:1:26: domains.y.restore: 'b.domain' ${message}`);
  }
});
