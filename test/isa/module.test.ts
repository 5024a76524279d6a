/** What the built module must be like for the interpreter to be fast and for instances to share one memory. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** Reads an unsigned LEB128 number; returns it and the position after it. WebAssembly Core, 5.2.2, "Integers". */
function leb(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

/** Section contents by id. WebAssembly Core, 5.5.2, "Sections". */
function sections(bytes: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at]!;
    const [size, start] = leb(bytes, at + 1);
    found.set(id, bytes.subarray(start, start + size));
    at = start + size;
  }
  return found;
}

const [SECTION_TABLE, SECTION_GLOBAL, SECTION_ELEMENT, SECTION_CODE, SECTION_DATA] = [4, 6, 9, 10, 11] as const;
const OPCODE_BR_TABLE = 0x0e;
/** A label counts enclosing blocks: those of the cases, and some around them. */
const LOOSE = 512;

/** Lengths of what decodes as a jump table with that many in-range labels. */
function jumpTables(code: Uint8Array, least: number): number[] {
  const lengths: number[] = [];
  for (let at = 0; at < code.length; at++) {
    if (code[at] !== OPCODE_BR_TABLE) continue;
    let [count, next] = leb(code, at + 1);
    if (count < least || count > 4096) continue;
    let label = 0;
    let plausible = true;
    for (let i = 0; i <= count && plausible; i++) {
      if (next >= code.length) plausible = false;
      else [label, next] = leb(code, next);
      if (label > count + LOOSE) plausible = false;
    }
    if (plausible) lengths.push(count);
  }
  return lengths;
}

/** Where the constant expression that starts there ends: one of the four constants, and end. 5.4.7 Numeric Instructions. */
function afterConstant(bytes: Uint8Array, at: number): number {
  const size = { 65: 0, 66: 0, 67: 4, 68: 8 }[bytes[at]!];
  if (size === undefined) throw new Error(`global: initialised by opcode ${bytes[at]}`);
  const end = size > 0 ? at + 1 + size : leb(bytes, at + 1)[1];
  expect(bytes[end]).toBe(0x0b);
  return end + 1;
}

describe('build/core.wasm', () => {
  const bytes = readFileSync('build/core.wasm');
  const found = sections(bytes);

  it('dispatches hot and cold µops by jump tables', () => {
    expect(jumpTables(found.get(SECTION_CODE)!, 400).length).toBeGreaterThanOrEqual(2);
  });

  it('has no data segment, which every new instance would write over live state', () => {
    expect(found.has(SECTION_DATA)).toBe(false);
  });

  it('has no table and no globals that change, so that an instance has no state beside its memory', () => {
    for (const id of [SECTION_TABLE, SECTION_ELEMENT]) expect(found.has(id), `section ${id}`).toBe(false);
    const globals = found.get(SECTION_GLOBAL)!;
    const [count, first] = leb(globals, 0);
    let at = first;
    for (let i = 0; i < count; i++) {
      expect(globals[at + 1], `global ${i} is mutable`).toBe(0);
      at = afterConstant(globals, at + 2);
    }
    expect(count).toBeGreaterThan(500);
    expect(at).toBe(globals.length);
  });

  it('imports nothing but its memory, abort and the keystream that a host may compute', () => {
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes)).map((i) => `${i.module}.${i.name}`);
    expect(imports.filter((name) => name !== 'env.abort').sort()).toEqual(['env.hostKeystream', 'env.memory']);
  });
});
