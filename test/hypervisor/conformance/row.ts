/** What a row of the conformance tables says, and what the rows are written with. The runner is ../conformance.test.ts. */
import { MIB } from '../fixture.js';
import { ARGUMENT, SELF, struct, type Xen } from '../xen.js';

export const [EPERM, ENOENT, ESRCH, EACCES] = [-1, -2, -3, -13] as const;
export const [EFAULT, EBUSY, EEXIST, EINVAL] = [-14, -16, -17, -22] as const;
export const [ENOSPC, ENOSYS, ENODATA, ETIME, EOPNOTSUPP] = [-28, -38, -61, -62, -95] as const;
export const [BAD_DOMAIN, DENIED] = [-2, -8] as const;
export const LIST = ARGUMENT + 0x200;
export const MEMORY_END = 2 * MIB;
export const NOBODY = 9;

export type Register = 'ebx' | 'ecx' | 'edx';

export interface Row {
  readonly call: number;
  readonly command: number;
  readonly name: string;
  /** Where the pointer to the argument is; absent: there is none. */
  readonly pointer?: Register;
  /** Other arguments in registers. */
  readonly registers?: Partial<Record<Register, number>>;
  readonly bytes?: Uint8Array;
  /** Bytes of the structure that the machine reads or writes first. */
  readonly size?: number;
  readonly privileged?: true;
  /** What must have happened before. */
  readonly prepare?: (x: Xen) => void;
  /** The answer of the call with `bytes`, or what holds of it. */
  readonly ok: number | ((result: number, x: Xen) => boolean);
  /** An i16 at this offset is the status that errors are told by; the call itself gives 0. */
  readonly status?: number;
  readonly errors?: readonly (readonly [
    expected: number,
    bytes: Uint8Array | undefined,
    registers?: Partial<Record<Register, number>>,
  ])[];
}

export const u = (...words: readonly number[]): Uint8Array => struct(...words.map((word) => [4, word] as const));
export const domctl = (command: number, domain: number, union: readonly number[] = [], version = 0x15): Uint8Array => {
  const bytes = new Uint8Array(144);
  bytes.set(struct([4, command], [4, version], [2, domain]));
  bytes.set(u(...union), 16);
  return bytes;
};
export const sysctl = (command: number, union: readonly number[] = [], version = 0x15): Uint8Array => {
  const bytes = new Uint8Array(136);
  bytes.set(u(command, version, ...union));
  return bytes;
};
export const memory = (command: number, name: string, row: Partial<Row>): Row => ({
  ...{ call: 12, command, name: `memory_op ${name}`, pointer: 'ecx', ok: 0 },
  ...row,
});
export const event = (command: number, name: string, row: Partial<Row>): Row => ({
  ...{ call: 32, command, name: `event_channel_op ${name}`, pointer: 'ecx', ok: 0 },
  ...row,
});
export const grant = (command: number, name: string, row: Partial<Row>): Row => ({
  ...{ call: 20, command, name: `grant_table_op ${name}`, pointer: 'ecx', registers: { edx: 1 }, ok: 0 },
  ...row,
});
export const control = (command: number, name: string, union: readonly number[], row: Partial<Row> = {}): Row => ({
  ...{ call: 36, command, name: `domctl ${name}`, pointer: 'ebx', privileged: true, size: 144, ok: 0 },
  bytes: domctl(command, 1, union),
  ...row,
  errors: [
    [EACCES, domctl(command, 1, union, 1)],
    [command === 1 ? 0 : ESRCH, domctl(command, command === 1 ? 3 : NOBODY, union)],
    ...(row.errors ?? []),
  ],
});

export const list =
  (...words: readonly number[]) =>
  (x: Xen) =>
    x.guests[0]!.domain.writeMemory(LIST, u(...words));
export const open = (x: Xen) => x.op(0, 32, 6, struct([2, SELF], [2, 1], [4, 0]));
export const reserve = (domid: number, order = 0, n = 1) => u(LIST, n, order, 0, domid);
export const add = (domid: number, space: number, idx: number, gfn: number) => u(domid, space, idx, gfn);
export const batch = (domid: number, space: number) =>
  struct([2, domid], [2, space], [2, 1], [2, 1], [4, LIST], [4, LIST + 4], [4, LIST + 8]);
export const sharing = (op: number, domain: number, parent: number, flags = 0) => {
  const bytes = new Uint8Array(48);
  bytes.set(struct([1, op], [1, 0], [2, domain], [4, 0], [2, parent], [2, flags]));
  return bytes;
};
export const mapping = (ref: number, dom: number, flags = 2) =>
  struct([8, 0xf0000000], [4, flags], [4, ref], [2, dom], [2, 0], [4, 0], [8, 0]);
export const copying = (ref: number, dom: number, offset = 0, flags = 1) =>
  struct([4, ref], [2, dom], [2, offset], [4, 0x150], [2, SELF], [2, 0], [2, 64], [2, flags], [4, 0]);
/** Domain 1 grants page 0x180 to domain 0 by reference 8. */
export const granted = (x: Xen) => {
  x.op(1, 12, 7, add(SELF, 1, 0, 0x1f0));
  x.guests[1]!.domain.writeMemory(0x1f0 * 4096 + 64, struct([2, 1], [2, 0], [4, 0x180]));
};

export function counts(): Partial<Row> {
  return {
    ...{ bytes: struct([2, SELF]), size: 2 },
    errors: [
      [ESRCH, struct([2, NOBODY])],
      [EPERM, struct([2, 1])],
    ],
  };
}

export function ports(): NonNullable<Row['errors']> {
  return [
    [EINVAL, u(0)],
    [EINVAL, u(2)],
    [EINVAL, u(128)],
    [EINVAL, u(0xffffffff)],
  ];
}

export function context(command: number): NonNullable<Row['errors']> {
  return [
    [EINVAL, domctl(command, 1, [1, 0, LIST, 0])],
    [EFAULT, domctl(command, 1, [0, 0, 0x7fff0000, 0])],
    [EFAULT, domctl(command, 1, [0, 0, LIST, 1])],
    [EINVAL, domctl(command, 0, [0, 0, LIST, 0])],
  ];
}

export function pause(x: Xen): void {
  x.op(0, 36, 0, domctl(3, 1));
  x.guests[0]!.domain.writeMemory(ARGUMENT, domctl(3, 1));
  x.call(0, 36, ARGUMENT);
}
