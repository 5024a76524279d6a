import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { Workspace } from './console.js';

const at = new Workspace();
afterAll(() => at.remove());
const scenario = at.write('s.yaml', 'domains:\n  - {guest: good, count: 2000, memory: 2MiB}\n');

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command; `act` is called when it has begun its work. */
function command(runMs: number, argv: string[], act: (child: ReturnType<typeof spawn>) => void): Promise<Ended> {
  const args = ['--import', 'tsx', 'test/cli/fake-main.ts', at.path('guests'), String(runMs), ...argv];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (text) => {
    out += text;
  });
  child.stderr.on('data', (text) => {
    const begun = err.includes('started');
    err += text;
    if (!begun && err.includes('started')) act(child);
  });
  return new Promise((done) => child.on('close', (code) => done({ code, out, err: err.replace('started\n', '') })));
}

describe('the process', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends at %s with %i and leaves no results', async (signal, code) => {
    const folder = at.path(`out-${code}`);
    const ended = await command(20_000, ['run', scenario, '--out', folder], (child) =>
      setTimeout(() => child.kill(signal), 200),
    );
    expect(ended).toEqual({ code, out: '', err: 'ringfence: interrupted; no results were written\n' });
    expect(existsSync(folder)).toBe(false);
    expect(readdirSync(at.folder).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('ends at once at the second signal', async () => {
    const start = Date.now();
    const ended = await command(60_000, ['run', scenario, '--out', at.path('twice')], (child) => {
      setTimeout(() => child.kill('SIGINT'), 200);
      setTimeout(() => child.kill('SIGINT'), 205);
    });
    expect(ended.code).toBe(130);
    expect(Date.now() - start).toBeLessThan(10_000);
  });

  it('ends quietly when nobody reads its output', async () => {
    const ended = await command(300, ['run', scenario, '--json', '--out', at.path('pipe')], (child) =>
      child.stdout?.destroy(),
    );
    expect(ended).toEqual({ code: 0, out: '', err: '' });
    expect(readdirSync(at.path('pipe')).sort()).toEqual(['console', 'results.json']);
  });

  it('prints all of a long answer into a pipe before it ends', async () => {
    const ended = await command(0, ['run', scenario, '--json', '--out', at.path('long')], () => {});
    expect(JSON.parse(ended.out).deterministic.domains).toHaveLength(2000);
  });
});
