/**
 * Every hypercall from the guest's side, by Xen's public headers: what succeeds, every documented error, and hostile arguments.
 * The tables in conformance/ say what is to be tried; which commands there are is asked of the machine, so that none can be left out.
 *
 *   hostile: unaligned and page-crossing arguments work as others do; unmapped ones, ones that run off the end of memory and
 *   ones that wrap give −EFAULT and change nothing; domains that are not there or not one's own are refused
 */
import { describe, expect, it } from 'vitest';
import { destroyDomain } from '../../src/hypervisor/domain.js';
import { CONTROL_ROWS } from './conformance/control.js';
import { EXCHANGE_ROWS } from './conformance/exchange.js';
import { MEMORY_ROWS } from './conformance/memory.js';
import {
  domctl,
  EFAULT,
  ENOSPC,
  ENOSYS,
  EPERM,
  ESRCH,
  LIST,
  MEMORY_END,
  type Row,
  sysctl,
  u,
} from './conformance/row.js';
import { VCPU_ROWS } from './conformance/vcpu.js';
import { ARGUMENT, SELF, struct, Xen } from './xen.js';

const ROWS: readonly Row[] = [...MEMORY_ROWS, ...EXCHANGE_ROWS, ...VCPU_ROWS, ...CONTROL_ROWS];

function machine({ privileged, prepare }: Row): Xen {
  const x = new Xen([0, 0, 0], [], privileged ? [0] : [], 2);
  prepare?.(x);
  return x;
}

/** Carries the row's call out with its argument at `at`. */
function carryOut(x: Xen, row: Row, at: number, bytes = row.bytes, registers = row.registers): number {
  if (bytes !== undefined) x.guests[0]!.domain.writeMemory(at, bytes);
  const named = row.call === 36 || row.call === 35 ? {} : { ebx: row.command };
  const r = { ...named, ...row.registers, ...registers, ...(row.pointer && { [row.pointer]: at }) };
  return x.call(0, row.call, r.ebx ?? 0, r.ecx ?? 0, r.edx ?? 0);
}

/** What the call answers: its result, or the status in the structure. */
function answer(x: Xen, row: Row, at: number, ...rest: [Uint8Array?, Row['registers']?]): number {
  const result = carryOut(x, row, at, ...rest);
  return row.status === undefined || result !== 0 ? result : x.s16(0, at + row.status);
}

function holds(row: Row, result: number, x: Xen): boolean {
  return typeof row.ok === 'number' ? result === row.ok : row.ok(result, x);
}

const withPointer = ROWS.filter((row) => row.pointer !== undefined && row.size !== undefined);

describe('every hypercall', () => {
  it.each(ROWS.map((row) => [row.name, row] as const))('%s succeeds', (_name, row) => {
    const x = machine(row);
    const result = answer(x, row, ARGUMENT);
    expect(holds(row, result, x), `${result}`).toBe(true);
  });

  it.each(ROWS.flatMap((row) => (row.errors ?? []).map((error, i) => [row.name, i, row, error] as const)))(
    '%s fails as documented (%i)',
    (_name, _i, row, [expected, bytes, registers]) => {
      expect(answer(machine(row), row, ARGUMENT, bytes, registers)).toBe(expected);
    },
  );

  it.each(withPointer.map((row) => [row.name, row] as const))(
    '%s takes its argument wherever it lies',
    (_name, row) => {
      for (const at of [ARGUMENT + 1, ARGUMENT + 4096 - Math.ceil(row.size! / 2)]) {
        const x = machine(row);
        expect(holds(row, answer(x, row, at), x), `at ${at.toString(16)}`).toBe(true);
      }
    },
  );

  it.each(withPointer.map((row) => [row.name, row] as const))('%s cannot be given what is not there', (_name, row) => {
    const x = machine(row);
    const free = x.host.freeFrames;
    const bad = [0x7fff0000, MEMORY_END - Math.ceil(row.size! / 2), 0xffffffff - Math.floor(row.size! / 2), 0xffffffff];
    for (const at of bad) expect(answer(x, row, at, new Uint8Array(0)), `at ${at.toString(16)}`).toBe(EFAULT);
    expect(x.host.freeFrames).toBe(free);
    const result = answer(x, row, ARGUMENT);
    expect(holds(row, result, x), `afterwards: ${result}`).toBe(true);
  });

  it.each(ROWS.filter(({ privileged }) => privileged).map((row) => [row.name, row] as const))(
    '%s is for privileged domains',
    (_name, row) => {
      const x = new Xen([0, 0, 0], [], [], 2);
      row.prepare?.(x);
      const result = answer(x, row, ARGUMENT);
      // In a batch every page has its own result; sharing_op looks for the domain first, and nobody could create it.
      expect(row.command === 23 ? x.u32(0, LIST + 8) | 0 : result).toBe(row.command === 22 ? ESRCH : EPERM);
    },
  );

  it('has rows: success, errors and hostile arguments', () => {
    const known = new Set(ROWS.map(({ call, command }) => `${call}.${command}`));
    const found: string[] = [];
    for (const call of [12, 17, 18, 20, 24, 29, 32, 34, 35, 36]) {
      for (let command = 0; command < 64; command++) {
        const x = new Xen([0, 0], [], [0], 1);
        const row: Row = { call, command, name: '', pointer: call > 34 ? 'ebx' : call === 24 ? 'edx' : 'ecx', ok: 0 };
        const bytes = call === 36 ? domctl(command, 1) : call === 35 ? sysctl(command) : new Uint8Array(1024);
        if (carryOut(x, row, ARGUMENT, bytes, call === 20 ? { edx: 1 } : {}) !== ENOSYS)
          found.push(`${call}.${command}`);
      }
    }
    expect(found.filter((name) => !known.has(name))).toEqual([]);
    expect([...known].filter((name) => !found.includes(name))).toEqual([]);
    for (const row of withPointer) expect(row.bytes, row.name).toBeDefined();
  });

  it('of another number is not there, and none is for ring 3', () => {
    const x = new Xen([0], [], [0]);
    for (const number of [0, 1, 13, 37, 55, 0xffffffff]) expect(x.call(0, number)).toBe(ENOSYS);
    x.core.write(x.guests[0]!.vcpu.base + x.core.layout.VCPU_CPL, 3);
    for (const { call } of ROWS) expect(x.call(0, call)).toBe(EPERM);
  });

  it('runs out of what there is a limited number of, and says so', () => {
    const x = new Xen([0, 0]);
    const allocate = (): number => x.op(0, 32, 6, struct([2, SELF], [2, 1], [4, 0]));
    for (let port = 1; port < 128; port++) expect(allocate()).toBe(0);
    expect(allocate()).toBe(ENOSPC);
    destroyDomain(x.core, 1);
    expect(x.op(0, 32, 0, u(1, 1, 0))).toBe(ESRCH);
  });
});
