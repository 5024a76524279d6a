import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { coreModule, packageRoot } from '../../src/machine/core.js';
import { bareCore } from '../../src/machine/flat-memory.js';

const core = bareCore(coreModule());
const source = readFileSync(join(packageRoot(), 'assembly', 'layout.ts'), 'utf8');

/** Addresses and offsets: the `usize` constants, less the sizes. */
function offsets(prefix: string): readonly string[] {
  const names = [...source.matchAll(/^export const (\w+): usize/gm)].map((match) => match[1]!);
  return names.filter((name) => name.startsWith(prefix) && !name.endsWith('_SIZE'));
}

describe('layout', () => {
  const exported = new Map<string, number>();
  const none = (): undefined => undefined;
  const env = { memory: core.memory, abort: none, hostKeystream: none };
  const { exports } = new WebAssembly.Instance(coreModule(), { env });
  for (const [name, value] of Object.entries(exports)) {
    if (value instanceof WebAssembly.Global) exported.set(name, Number(value.value));
  }

  for (const prefix of ['HOST_', 'PCPU_', 'VCPU_', 'DOMAIN_', 'FRAME_', 'STLB_']) {
    it(`gives every ${prefix} word a place of its own`, () => {
      const names = new Map<number, string>();
      for (const name of offsets(prefix)) {
        const value = exported.get(name);
        expect(value, `${name} is not exported`).toBeDefined();
        expect(names.get(value!), `${name} lies on top of another word`).toBeUndefined();
        names.set(value!, name);
      }
      expect(names.size).toBeGreaterThan(3);
    });
  }

  it('ends every region where the next may begin', () => {
    const { VCPU_SIZE, DOMAIN_SIZE, PCPU_SIZE, PAGE_SIZE } = core.layout;
    expect([VCPU_SIZE % PAGE_SIZE, DOMAIN_SIZE % PAGE_SIZE, PCPU_SIZE % PAGE_SIZE]).toEqual([0, 0, 0]);
    const inside = (prefix: string, size: number): void => {
      for (const name of offsets(prefix)) expect(exported.get(name), name).toBeLessThan(size);
    };
    inside('VCPU_', VCPU_SIZE);
    inside('DOMAIN_', DOMAIN_SIZE);
    inside('PCPU_', PCPU_SIZE);
  });
});
