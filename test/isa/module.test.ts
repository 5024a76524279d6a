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

const SECTION_CODE = 10;
const SECTION_DATA = 11;
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

describe('build/core.wasm', () => {
  const bytes = readFileSync('build/core.wasm');
  const found = sections(bytes);

  it('dispatches hot and cold µops by jump tables', () => {
    expect(jumpTables(found.get(SECTION_CODE)!, 400).length).toBeGreaterThanOrEqual(2);
  });

  it('has no data segment, which every new instance would write over live state', () => {
    expect(found.has(SECTION_DATA)).toBe(false);
  });

  it('imports nothing but its memory, abort and the keystream that a host may compute', () => {
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes)).map((i) => `${i.module}.${i.name}`);
    expect(imports.filter((name) => name !== 'env.abort').sort()).toEqual(['env.hostKeystream', 'env.memory']);
  });
});
