/** One instance serves all hosts that a memory holds one after the other: it may have no state beside the memory. */
import { expect, it } from 'vitest';
import { Core, coreBytes, coreModule } from '../../src/machine/core.js';

const GLOBALS = 6;
const MEMORYLESS = [4, 9, 11, 12]; // tables, elements, data, their count

/** Unsigned LEB128 at a place, and what follows it. */
function leb(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

/** Sections by their id. WebAssembly Core Specification, 5.5.2 Sections. */
function sections(bytes: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at]!;
    const [size, body] = leb(bytes, at + 1);
    found.set(id, bytes.subarray(body, body + size));
    at = body + size;
  }
  return found;
}

/** Where the constant expression that starts there ends: one of the four constants, and end. 5.4.7 Numeric Instructions. */
function afterConstant(bytes: Uint8Array, at: number): number {
  const size = { 65: 0, 66: 0, 67: 4, 68: 8 }[bytes[at]!];
  if (size === undefined) throw new Error(`global: initialised by opcode ${bytes[at]}`);
  const end = size > 0 ? at + 1 + size : leb(bytes, at + 1)[1];
  expect(bytes[end]).toBe(0x0b);
  return end + 1;
}

it('has no globals that change, no table and no data', () => {
  const found = sections(coreBytes());
  for (const id of MEMORYLESS) expect(found.has(id), `section ${id}`).toBe(false);
  const globals = found.get(GLOBALS)!;
  const [count, first] = leb(globals, 0);
  let at = first;
  for (let i = 0; i < count; i++) {
    expect(globals[at + 1], `global ${i} is mutable`).toBe(0);
    at = afterConstant(globals, at + 2);
  }
  expect(count).toBeGreaterThan(500);
  expect(at).toBe(globals.length);
});

it('is linked once to a memory, and once to each', () => {
  const memory = () => new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
  const [one, other] = [memory(), memory()];
  const [a, b, c] = [new Core(coreModule(), one), new Core(coreModule(), one), new Core(coreModule(), other)];
  expect(b.call).toBe(a.call);
  expect(c.call).not.toBe(a.call);
  expect(c.layout).toBe(a.layout);
});
