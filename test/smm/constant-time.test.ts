/**
 * Neither branches nor addresses depend on keys or data.
 *
 * Binaryen instruments the built core: every block entered and every address of a load or store is reported, in order. Two runs with the
 * same public inputs (addresses, page, counter, frame) and different secrets (keys, bytes of pages) must report the same. Not
 * seen: addresses of v128.load32_splat, which Binaryen does not instrument; rounds.ts and mix.ts form them from the round alone.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import binaryen from 'binaryen';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/machine/core.js';
import type { SmmFunctions } from './unit.js';

const FUNCTIONS = [
  'aesExpand',
  'aesEncryptBlock',
  'ctrPage',
  'xtsPage',
  'macPage',
  'sipHash',
  'treeInit',
  'treeUpdate',
] as const;
const PAGE = 4096;

/** What a run did: how many events there were, and a digest of all of them. */
interface Trace {
  readonly events: number;
  readonly digest: string;
}

/** Instruments the module; calls come with a trace. */
function traced(module: binaryen.Module) {
  module.setFeatures(binaryen.Features.All);
  module.runPasses(['log-execution', 'instrument-memory']);
  const compiled = new WebAssembly.Module(module.emitBinary() as Uint8Array<ArrayBuffer>);
  const memory = new WebAssembly.Memory({ initial: 32, maximum: 65536, shared: true });
  let log: number[] | undefined; // of the run that is being traced
  const event = (...values: readonly number[]): void => {
    log?.push(...values);
  };
  const pointer = (id: number, bytes: number, offset: number, address: number): number => {
    event(id, bytes, offset, address);
    return address;
  };
  const env: Record<string, WebAssembly.ImportValue> = {
    memory,
    log_execution: (id: number) => event(id),
    load_ptr: pointer,
    store_ptr: pointer,
  };
  for (const { name, kind } of WebAssembly.Module.imports(compiled)) {
    if (kind === 'function') env[name] ??= (_id: number, value?: number) => value; // load_val_*, store_val_*
  }
  const { exports } = new WebAssembly.Instance(compiled, { env });
  const run = (action: () => void): Trace => {
    log = [];
    action();
    const trace = { events: log.length, digest: createHash('sha256').update(Int32Array.from(log)).digest('hex') };
    log = undefined;
    return trace;
  };
  return { exports, run, u8: new Uint8Array(memory.buffer) };
}

/** Binaryen does not instrument v128.load32_splat: it becomes a load and a splat, which is what it means. */
function lowerSplats(text: string): string {
  const NAME = '(v128.load32_splat';
  let lowered = '';
  for (;;) {
    const at = text.indexOf(NAME);
    if (at < 0) return lowered + text;
    let end = at + 1;
    for (let depth = 1; depth > 0; end++) depth += text[end] === '(' ? 1 : text[end] === ')' ? -1 : 0;
    lowered += `${text.slice(0, at)}(i32x4.splat (i32.load${text.slice(at + NAME.length, end)})`;
    text = text.slice(end);
  }
}

function ciphers() {
  const module = binaryen.readBinary(readFileSync(join(packageRoot(), 'build/core.wasm')));
  const keep = new Set<string>(FUNCTIONS);
  for (let i = module.getNumExports() - 1; i >= 0; i--) {
    const { name } = binaryen.getExportInfo(module.getExportByIndex(i));
    if (!keep.has(name)) module.removeExport(name);
  }
  module.runPasses(['remove-unused-module-elements']);
  const text = lowerSplats(module.emitText());
  expect(text).not.toContain('v128.load32_splat');
  expect(text).not.toMatch(/v128\.(load|store)(8|16|64|\d+x\d+)/); // nor are these
  const { exports, run, u8 } = traced(binaryen.parseText(text));
  return { call: exports as unknown as SmmFunctions, run, u8 };
}

const [KEY, SCHEDULE, TWEAK, SCRATCH, ROOT] = [0x1000, 0x2000, 0x6000, 0xa000, 0x1800];
const [FROM, TO, REGION] = [0x10000, 0x12000, 0x20000];
/** Bytes that look random and that `seed` decides. */
const secret = (seed: string, length: number): Buffer =>
  Buffer.concat(
    Array.from({ length: Math.ceil(length / 32) }, (_, i) => createHash('sha256').update(`${seed}${i}`).digest()),
  );

describe('the instrumentation', () => {
  it('tells a table look-up and a branch by a secret apart', () => {
    const text = (body: string): string =>
      `(module (import "env" "memory" (memory 1 65536 shared)) (func (export "f") ${body}))`;
    const look = traced(
      binaryen.parseText(text('(drop (i32.load8_u (i32.add (i32.const 256) (i32.load8_u (i32.const 0)))))')),
    );
    const branch = traced(
      binaryen.parseText(text('(if (i32.load8_u (i32.const 0)) (then (i32.store8 (i32.const 8) (i32.const 1))))')),
    );
    for (const { exports, run, u8 } of [look, branch]) {
      const f = exports.f as () => void;
      u8[0] = 0;
      const zero = run(f);
      u8[0] = 1;
      expect(run(f)).not.toEqual(zero);
      u8[0] = 0;
      expect(run(f)).toEqual(zero);
    }
  });
});

describe('with other keys and data, the same addresses and branches', () => {
  const { call, run, u8 } = ciphers();
  const expand = (key: Buffer, bits: number, at: number): void => {
    u8.set(key.subarray(0, bits / 8), KEY);
    call.aesExpand(KEY, bits, at);
  };
  const actions: readonly [string, (seed: string) => Trace][] = [128, 256].flatMap((bits) => [
    [
      `aesExpand, ${bits} bits`,
      (seed) => {
        u8.set(secret(`${seed}key`, 32), KEY);
        return run(() => call.aesExpand(KEY, bits, SCHEDULE));
      },
    ],
    ...(
      [
        ['aesEncryptBlock', () => call.aesEncryptBlock(SCHEDULE, SCRATCH, FROM, TO)],
        ['ctrPage', () => call.ctrPage(SCHEDULE, SCRATCH, 77, 5n, FROM, TO)],
        ['xtsPage, encrypt', () => call.xtsPage(SCHEDULE, TWEAK, SCRATCH, 77, FROM, TO, 1)],
        ['xtsPage, decrypt', () => call.xtsPage(SCHEDULE, TWEAK, SCRATCH, 77, FROM, TO, 0)],
      ] as const
    ).map(([name, action]): [string, (seed: string) => Trace] => [
      `${name}, ${bits} bits`,
      (seed) => {
        expand(secret(`${seed}key`, 32), bits, SCHEDULE);
        expand(secret(`${seed}tweak`, 32), bits, TWEAK);
        u8.set(secret(`${seed}page`, PAGE), FROM);
        return run(action);
      },
    ]),
  ]);
  const keyed: readonly [string, (seed: string) => Trace][] = (
    [
      ['macPage', () => call.macPage(KEY, 77, 5n, FROM)],
      ['sipHash', () => call.sipHash(KEY, FROM, 29)],
      ['treeUpdate', () => call.treeUpdate(REGION, 100, KEY, ROOT, 3, 9n)],
    ] as const
  ).map(([name, action]) => [
    name,
    (seed) => {
      u8.set(secret(`${seed}key`, 16), KEY);
      u8.set(secret(`${seed}page`, PAGE), FROM);
      call.treeInit(REGION, 100, KEY, ROOT);
      return run(action);
    },
  ]);

  it.each([...actions, ...keyed])('%s', (_, action) => {
    const first = action('a');
    expect(first.events).toBeGreaterThan(20);
    for (const seed of ['b', 'c']) expect(action(seed)).toEqual(first);
  });
});
