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
