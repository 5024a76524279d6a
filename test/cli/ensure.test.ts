import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digest, ensure, projectSteps, type Step } from '../../src/build/ensure.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ringfence-ensure-'));
  mkdirSync(join(root, 'in'));
  writeFileSync(join(root, 'in/a.txt'), 'one');
  writeFileSync(
    join(root, 'tool.mjs'),
    'import fs from "node:fs"; fs.mkdirSync("out", { recursive: true }); fs.writeFileSync("out/copy", fs.readFileSync("in/a.txt"));',
  );
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const step = (more: Partial<Step> = {}): Step => ({
  ...{ name: 'copy', says: 'copying', inputs: ['in'], outputs: ['out'], after: [], command: () => ['tool.mjs'] },
  ...more,
});

/** Names of the steps that ran, and the exit code. */
async function build(steps: readonly Step[], force = false): Promise<[number, string[]]> {
  const said: string[] = [];
  const code = await ensure(root, steps, { force, say: (line) => said.push(line) });
  return [code, said.filter((line) => / built in /.test(line)).map((line) => line.split(' ')[0] ?? '')];
}

describe('ensure', () => {
  it('builds once, and again only when inputs or outputs changed or when forced', async () => {
    expect(await build([step()])).toEqual([0, ['copy']]);
    expect(await build([step()])).toEqual([0, []]);
    writeFileSync(join(root, 'in/a.txt'), 'two');
    expect(await build([step()])).toEqual([0, ['copy']]);
    expect(readFileSync(join(root, 'out/copy'), 'utf8')).toBe('two');
    writeFileSync(join(root, 'in/b.txt'), ''); // a file more
    expect(await build([step()])).toEqual([0, ['copy']]);
    writeFileSync(join(root, 'out/copy'), 'tampered');
    expect(await build([step()])).toEqual([0, ['copy']]);
    rmSync(join(root, 'out'), { recursive: true });
    expect(await build([step()])).toEqual([0, ['copy']]);
    expect(await build([step()])).toEqual([0, []]);
    expect(await build([step()], true)).toEqual([0, ['copy']]);
    writeFileSync(join(root, 'build/stamp.json'), '{"copy":'); // cut short
    expect(await build([step()])).toEqual([0, ['copy']]);
  });

  it('gives the exit code of the step that failed, does not go on, and tries again', async () => {
    writeFileSync(join(root, 'fail.mjs'), 'process.exit(7)');
    const steps = [step({ name: 'bad', outputs: ['in'], command: () => ['fail.mjs'] }), step({ after: ['bad'] })];
    expect(await build(steps)).toEqual([7, []]);
    expect(existsSync(join(root, 'out'))).toBe(false);
    writeFileSync(join(root, 'fail.mjs'), '');
    expect(await build(steps)).toEqual([0, ['bad', 'copy']]);
  });

  it('moves what a step leaves in its staging folder only when the step succeeded', async () => {
    writeFileSync(
      join(root, 'stage.mjs'),
      'import fs from "node:fs"; fs.writeFileSync(process.argv[2] + "/x.bin", "1"); process.exit(Number(process.argv[3]));',
    );
    const staged = (code: number): Step =>
      step({
        outputs: ['build/x.bin'],
        command: (staging) => ['stage.mjs', join(root, staging.replace(root, '')), String(code)],
      });
    expect(await build([staged(1)])).toEqual([1, []]);
    expect(existsSync(join(root, 'build/x.bin'))).toBe(false);
    expect(await build([staged(0)])).toEqual([0, ['copy']]);
    expect(readdirSync(join(root, 'build')).sort()).toEqual(['stamp.json', 'x.bin']);
  });

  it('makes a command executable each time that it is built', async () => {
    for (const _ of ['once', 'again']) {
      rmSync(join(root, 'out'), { recursive: true, force: true });
      expect(await build([step({ executable: ['out/copy'] })])).toEqual([0, ['copy']]);
      expect(statSync(join(root, 'out/copy')).mode & 0o111).toBe(0o111);
    }
    expect(projectSteps(false).flatMap(({ executable }) => executable ?? [])).toEqual([
      JSON.parse(readFileSync('package.json', 'utf8')).bin.ringfence,
    ]);
  });

  it('takes a step that writes nothing for failed', async () => {
    writeFileSync(join(root, 'idle.mjs'), '');
    expect((await build([step({ command: () => ['idle.mjs'] })]))[0]).toBe(1);
  });

  it('digests names and contents', () => {
    const before = digest(root, ['in']);
    writeFileSync(join(root, 'in/c.txt'), 'x');
    const more = digest(root, ['in']);
    rmSync(join(root, 'in/c.txt'));
    expect([more === before, digest(root, ['in']) === before, digest(root, ['nowhere'])]).toEqual([
      false,
      true,
      'absent',
    ]);
  });
});
