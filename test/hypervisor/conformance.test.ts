/**
 * Every hypercall from the guest's side, by Xen's public headers: what succeeds, every documented error, and hostile arguments.
 * The table says what is to be tried; which commands there are is asked of the machine, so that none can be left out.
 *
 *   hostile: unaligned and page-crossing arguments work as others do; unmapped ones, ones that run off the end of memory and
 *   ones that wrap give −EFAULT and change nothing; domains that are not there or not one's own are refused
 */
import { describe, expect, it } from 'vitest';
import { destroyDomain } from '../../src/hypervisor/domain.js';
import { MIB } from './fixture.js';
import { ARGUMENT, SELF, struct, Xen } from './xen.js';

const [EPERM, ENOENT, ESRCH, EACCES, EFAULT, EEXIST, EINVAL, ENOSPC, ENOSYS, ENODATA, ETIME] = [
  ...[-1, -2, -3, -13, -14, -17, -22, -28, -38, -61, -62],
];
const [EBUSY, EOPNOTSUPP] = [-16, -95];
const [BAD_DOMAIN, DENIED] = [-2, -8];
const LIST = ARGUMENT + 0x200;
const MEMORY_END = 2 * MIB;
const NOBODY = 9;

type Register = 'ebx' | 'ecx' | 'edx';

interface Row {
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

const u = (...words: readonly number[]): Uint8Array => struct(...words.map((word) => [4, word] as const));
const domctl = (command: number, domain: number, union: readonly number[] = [], version = 0x15): Uint8Array => {
  const bytes = new Uint8Array(144);
  bytes.set(struct([4, command], [4, version], [2, domain]));
  bytes.set(u(...union), 16);
  return bytes;
};
const sysctl = (command: number, union: readonly number[] = [], version = 0x15): Uint8Array => {
  const bytes = new Uint8Array(136);
  bytes.set(u(command, version, ...union));
  return bytes;
};
const memory = (command: number, name: string, row: Partial<Row>): Row => ({
  ...{ call: 12, command, name: `memory_op ${name}`, pointer: 'ecx', ok: 0 },
  ...row,
});
const event = (command: number, name: string, row: Partial<Row>): Row => ({
  ...{ call: 32, command, name: `event_channel_op ${name}`, pointer: 'ecx', ok: 0 },
  ...row,
});
const grant = (command: number, name: string, row: Partial<Row>): Row => ({
  ...{ call: 20, command, name: `grant_table_op ${name}`, pointer: 'ecx', registers: { edx: 1 }, ok: 0 },
  ...row,
});
const control = (command: number, name: string, union: readonly number[], row: Partial<Row> = {}): Row => ({
  ...{ call: 36, command, name: `domctl ${name}`, pointer: 'ebx', privileged: true, size: 144, ok: 0 },
  bytes: domctl(command, 1, union),
  ...row,
  errors: [
    [EACCES, domctl(command, 1, union, 1)],
    [command === 1 ? 0 : ESRCH, domctl(command, command === 1 ? 3 : NOBODY, union)],
    ...(row.errors ?? []),
  ],
});

const list =
  (...words: readonly number[]) =>
  (x: Xen) =>
    x.guests[0]!.domain.writeMemory(LIST, u(...words));
const open = (x: Xen) => x.op(0, 32, 6, struct([2, SELF], [2, 1], [4, 0]));
const reserve = (domid: number, order = 0, n = 1) => u(LIST, n, order, 0, domid);
const add = (domid: number, space: number, idx: number, gfn: number) => u(domid, space, idx, gfn);
const batch = (domid: number, space: number) =>
  struct([2, domid], [2, space], [2, 1], [2, 1], [4, LIST], [4, LIST + 4], [4, LIST + 8]);
const sharing = (op: number, domain: number, parent: number, flags = 0) => {
  const bytes = new Uint8Array(48);
  bytes.set(struct([1, op], [1, 0], [2, domain], [4, 0], [2, parent], [2, flags]));
  return bytes;
};
const mapping = (ref: number, dom: number, flags = 2) =>
  struct([8, 0xf0000000], [4, flags], [4, ref], [2, dom], [2, 0], [4, 0], [8, 0]);
const copying = (ref: number, dom: number, offset = 0, flags = 1) =>
  struct([4, ref], [2, dom], [2, offset], [4, 0x150], [2, SELF], [2, 0], [2, 64], [2, flags], [4, 0]);
/** Domain 1 grants page 0x180 to domain 0 by reference 8. */
const granted = (x: Xen) => {
  x.op(1, 12, 7, add(SELF, 1, 0, 0x1f0));
  x.guests[1]!.domain.writeMemory(0x1f0 * 4096 + 64, struct([2, 1], [2, 0], [4, 0x180]));
};

const ROWS: readonly Row[] = [
  memory(1, 'decrease_reservation', {
    ...{ bytes: reserve(SELF), size: 20, ok: 1, prepare: list(0x170) },
    errors: [
      [ESRCH, reserve(NOBODY)],
      [EPERM, reserve(1)],
      [EPERM, reserve(SELF, 10)],
      [EINVAL, reserve(SELF, 0, 2 ** 25)],
      [0, u(0x7fff0000, 1, 0, 0, SELF)],
    ],
  }),
  memory(2, 'maximum_ram_page', { pointer: undefined as never, ok: (n, x) => n === x.host.frames - 1 }),
  memory(3, 'current_reservation', { ...counts(), ok: 512 }),
  memory(4, 'maximum_reservation', { ...counts(), ok: 512 }),
  memory(6, 'populate_physmap', {
    bytes: reserve(SELF),
    ...{ size: 20, ok: 1 },
    prepare: (x) => {
      list(0x170)(x);
      x.op(0, 12, 1, reserve(SELF));
    },
    errors: [
      [ESRCH, reserve(NOBODY)],
      [EPERM, reserve(1)],
      [EPERM, reserve(SELF, 10)],
      [EINVAL, reserve(SELF, 0, 2 ** 25)],
    ],
  }),
  memory(7, 'add_to_physmap', {
    ...{ bytes: add(SELF, 0, 0, 0x180), size: 16 },
    errors: [
      [ESRCH, add(NOBODY, 0, 0, 0x180)],
      [EPERM, add(1, 0, 0, 0x180)],
      [EINVAL, add(SELF, 0, 1, 0x180)],
      [EINVAL, add(SELF, 1, 2, 0x180)],
      [EINVAL, add(SELF, 9, 0, 0x180)],
      [EINVAL, add(SELF, 0, 0, 2 ** 20)],
      [ENOSYS, add(SELF, 4, 0, 0x180)],
      [EPERM, add(SELF, 5, 0, 0x180)],
    ],
  }),
  memory(9, 'memory_map', { bytes: u(3, LIST), size: 8, errors: [[EFAULT, u(3, 0x7fff0000)]] }),
  memory(10, 'machine_memory_map', { bytes: u(3, LIST), size: 8, privileged: true }),
  memory(14, 'maximum_gpfn', { ...counts(), ok: 511 }),
  memory(15, 'remove_from_physmap', {
    ...{ bytes: u(SELF, 0xf0000), size: 8, prepare: (x) => x.op(0, 12, 7, add(SELF, 0, 0, 0xf0000)) },
    errors: [
      [ESRCH, u(NOBODY, 0xf0000)],
      [EPERM, u(1, 0xf0000)],
      [EINVAL, u(SELF, 2 ** 20)],
      [EINVAL, u(SELF, 0x180)],
      [ENOENT, u(SELF, 0xf0001)],
    ],
  }),
  memory(22, 'sharing_op', {
    ...{ bytes: sharing(9, 3, 1), size: 48, privileged: true },
    prepare: (x) => {
      x.guests[0]!.domain.writeMemory(ARGUMENT, domctl(1, 3, [0, 0, 0, 0, 0, 3, 0, 1]));
      x.call(0, 36, ARGUMENT);
    },
    errors: [
      [ESRCH, sharing(9, NOBODY, 1)],
      [ESRCH, sharing(9, 3, NOBODY)],
      [EPERM, sharing(9, 0, 1)],
      [EPERM, sharing(9, 3, 0)],
      [EBUSY, sharing(9, 1, 1)],
      [EINVAL, sharing(9, 3, 1, 4)],
      [EOPNOTSUPP, sharing(9, 3, 1, 2)],
      [ENOSYS, sharing(10, 1, 0, 12)],
      [EINVAL, sharing(10, 1, 0, 0)],
      [ENOSYS, sharing(8, 1, 0)],
    ],
  }),
  memory(23, 'add_to_physmap_batch', {
    ...{ bytes: batch(SELF, 4), size: 20, privileged: true, prepare: list(0x180, 0x80000, 0) },
    errors: [
      [ESRCH, batch(NOBODY, 4)],
      [EFAULT, struct([2, SELF], [2, 4], [2, 1], [2, 1], [4, 0x7fff0000], [4, LIST], [4, LIST])],
      [EFAULT, struct([2, SELF], [2, 4], [2, 1], [2, 1], [4, LIST], [4, LIST + 4], [4, 0x7fff0000])],
    ],
  }),

  event(0, 'bind_interdomain', {
    ...{ bytes: u(1, 1, 0), size: 12, prepare: (x) => x.op(1, 32, 6, struct([2, SELF], [2, 0], [4, 0])) },
    errors: [
      [ESRCH, u(NOBODY, 1, 0)],
      [EINVAL, u(1, 0, 0)],
      [EINVAL, u(1, 2, 0)],
      [EINVAL, u(1, 2 ** 31, 0)],
    ],
  }),
  event(1, 'bind_virq', {
    ...{ bytes: u(0, 0, 0), size: 12 },
    errors: [
      [EINVAL, u(24, 0, 0)],
      [EPERM, u(3, 0, 0)],
      [ENOENT, u(0, 1, 0)],
    ],
  }),
  event(3, 'close', { ...{ bytes: u(1), size: 4, prepare: open }, errors: ports() }),
  event(4, 'send', { ...{ bytes: u(1), size: 4, prepare: open }, errors: ports() }),
  event(5, 'status', {
    ...{ bytes: u(SELF, 1, 0, 0, 0, 0), size: 24, prepare: open },
    errors: [
      [ESRCH, u(NOBODY, 1, 0, 0, 0, 0)],
      [EPERM, u(1, 1, 0, 0, 0, 0)],
      [EINVAL, u(SELF, 0, 0, 0, 0, 0)],
      [EINVAL, u(SELF, 2 ** 31, 0, 0, 0, 0)],
    ],
  }),
  event(6, 'alloc_unbound', {
    ...{ bytes: struct([2, SELF], [2, 1], [4, 0]), size: 8 },
    errors: [
      [ESRCH, struct([2, NOBODY], [2, 1], [4, 0])],
      [EPERM, struct([2, 1], [2, 0], [4, 0])],
    ],
  }),
  event(7, 'bind_ipi', { ...{ bytes: u(0, 0), size: 8 }, errors: [[ENOENT, u(1, 0)]] }),
  event(8, 'bind_vcpu', {
    ...{ bytes: u(1, 0), size: 8, prepare: open },
    errors: [
      [ENOENT, u(1, 1)],
      [EINVAL, u(2, 0)],
    ],
  }),
  event(9, 'unmask', { ...{ bytes: u(1), size: 4, prepare: open }, errors: ports() }),
  event(10, 'reset', {
    ...{ bytes: struct([2, SELF]), size: 2, prepare: open },
    errors: [
      [ESRCH, struct([2, NOBODY])],
      [EPERM, struct([2, 1])],
    ],
  }),

  grant(0, 'map_grant_ref', {
    ...{ bytes: mapping(8, 1), size: 32, prepare: granted, status: 18 },
    errors: [
      [BAD_DOMAIN, mapping(8, NOBODY)],
      [-3, mapping(2000, 1)],
      [-1, mapping(9, 1)],
      [-1, mapping(8, 1, 1)],
      [-5, struct([8, 0xf0000010], [4, 2], [4, 8], [2, 1], [2, 0], [4, 0], [8, 0])],
      [-5, struct([8, 2 ** 32], [4, 2], [4, 8], [2, 1], [2, 0], [4, 0], [8, 0])],
      [-5, struct([8, 0x180000], [4, 2], [4, 8], [2, 1], [2, 0], [4, 0], [8, 0])],
    ],
  }),
  grant(1, 'unmap_grant_ref', {
    bytes: struct([8, 0xf0000000], [8, 0], [4, 0], [4, 0]),
    ...{ size: 24, status: 20 },
    prepare: (x) => {
      granted(x);
      x.op(0, 20, 0, mapping(8, 1), 1);
    },
    errors: [
      [-4, struct([8, 0xf0000000], [8, 0], [4, 1], [4, 0])],
      [-4, struct([8, 0xf0000000], [8, 0], [4, 0xffffffff], [4, 0])],
      [-5, struct([8, 0xf0001000], [8, 0], [4, 0], [4, 0])],
    ],
  }),
  grant(2, 'setup_table', {
    ...{ bytes: struct([2, SELF], [2, 0], [4, 1], [4, 0], [4, LIST]), size: 16, status: 8 },
    errors: [
      [BAD_DOMAIN, struct([2, NOBODY], [2, 0], [4, 1], [4, 0], [4, LIST])],
      [DENIED, struct([2, 1], [2, 0], [4, 1], [4, 0], [4, LIST])],
      [-1, struct([2, SELF], [2, 0], [4, 3], [4, 0], [4, LIST])],
      [-5, struct([2, SELF], [2, 0], [4, 1], [4, 0], [4, 0x7fff0000])],
    ],
  }),
  grant(4, 'transfer', { pointer: undefined as never, ok: EOPNOTSUPP }),
  grant(5, 'copy', {
    ...{ bytes: copying(8, 1), size: 24, status: 20, prepare: granted },
    errors: [
      [BAD_DOMAIN, copying(8, NOBODY)],
      [-1, copying(9, 1)],
      [-10, copying(8, 1, 4090)],
      [-10, copying(8, 1, 0, 5)],
      [DENIED, copying(0x180, 1, 0, 0)],
    ],
  }),
  grant(6, 'query_size', {
    ...{ bytes: struct([2, SELF], [2, 0], [4, 0], [4, 0], [4, 0]), size: 16, status: 12 },
    errors: [
      [BAD_DOMAIN, struct([2, NOBODY], [2, 0], [4, 0], [4, 0], [4, 0])],
      [DENIED, struct([2, 1], [2, 0], [4, 0], [4, 0], [4, 0])],
    ],
  }),
  grant(8, 'set_version', {
    ...{ bytes: u(1), size: 4 },
    errors: [
      [ENOSYS, u(2)],
      [EINVAL, u(3)],
    ],
  }),
  grant(10, 'get_version', {
    ...{ bytes: u(SELF, 0), size: 8 },
    errors: [
      [ESRCH, u(NOBODY, 0)],
      [EPERM, u(1, 0)],
    ],
  }),

  { call: 29, command: 0, name: 'sched_op yield', ok: 0 },
  { call: 29, command: 1, name: 'sched_op block', ok: 0 },
  {
    call: 29,
    command: 2,
    name: 'sched_op shutdown',
    pointer: 'ecx',
    size: 4,
    bytes: u(1),
    ok: (_, x) => x.verdict === 3,
  },
  {
    ...{ call: 29, command: 3, name: 'sched_op poll', pointer: 'ecx', size: 16, bytes: u(LIST, 1, 0, 0), ok: 0 },
    prepare: list(1),
    errors: [
      [EINVAL, u(LIST, 129, 0, 0)],
      [EFAULT, u(0x7fff0000, 1, 0, 0)],
      [EINVAL, u(ARGUMENT + 0x400, 1, 0, 0)],
    ],
  },
  {
    ...{ call: 29, command: 4, name: 'sched_op remote_shutdown', pointer: 'ecx', size: 8, bytes: u(1, 3), ok: 0 },
    ...{ privileged: true },
    errors: [
      [ESRCH, u(NOBODY, 3)],
      [ESRCH, u(0, 3)],
    ],
  },

  { call: 24, command: 1, name: 'vcpu_op up', ok: EEXIST, errors: [[ENOENT, undefined, { ecx: 1 }]] },
  { call: 24, command: 3, name: 'vcpu_op is_up', ok: 1, errors: [[ENOENT, undefined, { ecx: 1 }]] },
  {
    ...{ call: 24, command: 6, name: 'vcpu_op set_periodic_timer', pointer: 'edx', size: 8, bytes: u(1e6, 0), ok: 0 },
    errors: [[EINVAL, u(999_999, 0)]],
  },
  { call: 24, command: 7, name: 'vcpu_op stop_periodic_timer', ok: 0, errors: [[ENOENT, undefined, { ecx: 1 }]] },
  {
    ...{ call: 24, command: 8, name: 'vcpu_op set_singleshot_timer', pointer: 'edx', size: 12, bytes: u(1e9, 0, 0) },
    ...{ ok: 0, prepare: (x) => x.core.call.setIdle(x.guests[0]!.vcpu.base, 1e6) },
    errors: [[ETIME, u(5, 0, 1)]],
  },
  { call: 24, command: 9, name: 'vcpu_op stop_singleshot_timer', ok: 0, errors: [[ENOENT, undefined, { ecx: 1 }]] },

  {
    ...{
      call: 34,
      command: 0,
      name: 'hvm_op set_param',
      pointer: 'ecx',
      size: 16,
      bytes: u(SELF, 0, 0x40, 2 << 24),
      ok: 0,
    },
    errors: [
      [ESRCH, u(NOBODY, 0, 0x40, 2 << 24)],
      [EPERM, u(1, 0, 0x40, 2 << 24)],
      [EINVAL, u(SELF, 39, 0, 0)],
      [EPERM, u(SELF, 1, 0, 0)],
      [EINVAL, u(SELF, 0, 0x0f, 2 << 24)],
      [EINVAL, u(SELF, 0, 0x40, 1 << 24)],
    ],
  },
  {
    ...{ call: 34, command: 1, name: 'hvm_op get_param', pointer: 'ecx', size: 16, bytes: u(SELF, 0, 0, 0), ok: 0 },
    errors: [
      [ESRCH, u(NOBODY, 0, 0, 0)],
      [EPERM, u(1, 0, 0, 0)],
      [EINVAL, u(SELF, 39, 0, 0)],
    ],
  },

  { call: 17, command: 0, name: 'xen_version version', ok: 0x40011 },
  ...(
    [
      [1, 'extraversion', 16],
      [2, 'compile_info', 144],
      [3, 'capabilities', 1024],
      [4, 'changeset', 64],
      [5, 'platform_parameters', 4],
      [8, 'guest_handle', 16],
      [9, 'commandline', 1024],
    ] as const
  ).map(
    ([command, name, size]): Row => ({
      ...{ call: 17, command, name: `xen_version ${name}`, pointer: 'ecx', size, bytes: new Uint8Array(size), ok: 0 },
    }),
  ),
  {
    call: 17,
    command: 6,
    name: 'xen_version get_features',
    pointer: 'ecx',
    size: 8,
    bytes: u(0, 0),
    ok: 0,
    errors: [[EINVAL, u(1, 0)]],
  },
  { call: 17, command: 7, name: 'xen_version pagesize', ok: 4096 },
  { call: 17, command: 10, name: 'xen_version build_id', ok: ENODATA, privileged: true },

  {
    call: 18,
    command: 0,
    name: 'console_io write',
    pointer: 'edx',
    registers: { ecx: 4 },
    size: 4,
    bytes: u(0x0a424242),
    ok: 0,
  },
  { call: 18, command: 1, name: 'console_io read', ok: 0 },

  {
    ...control(1, 'createdomain', [0, 0, 0, 0, 0, 3, 0, 1]),
    bytes: domctl(1, 0, [0, 0, 0, 0, 0, 3, 0, 1]),
    errors: [
      [EACCES, domctl(1, 0, [0, 0, 0, 0, 0, 3, 0, 1], 1)],
      [EINVAL, domctl(1, 0, [0, 0, 0, 0, 0, 2, 0, 1])],
      [EINVAL, domctl(1, 0, [0, 0, 0, 0, 0, 3, 0, 2])],
      [EOPNOTSUPP, domctl(1, 0, [0, 0, 0, 0, 0, 0x43, 0, 1])],
      [EEXIST, domctl(1, 1, [0, 0, 0, 0, 0, 3, 0, 1])],
      [EINVAL, domctl(1, NOBODY, [0, 0, 0, 0, 0, 3, 0, 1])],
    ],
  },
  control(2, 'destroydomain', [], { errors: [[EINVAL, domctl(2, 0)]] }),
  control(3, 'pausedomain', [], { errors: [[EINVAL, domctl(3, 0)]] }),
  control(4, 'unpausedomain', [], { prepare: (x) => pause(x), errors: [] }),
  control(5, 'getdomaininfo', []),
  control(11, 'max_mem', [4096, 0], {
    errors: [
      [EINVAL, domctl(11, 1, [1024, 0])],
      [EINVAL, domctl(11, 1, [0, 1])],
    ],
  }),
  control(12, 'setvcpucontext', [0, 0, LIST, 0], { errors: context(12) }),
  control(13, 'getvcpucontext', [0, 0, LIST, 0], { errors: context(13) }),
  control(14, 'getvcpuinfo', [0], { errors: [[EINVAL, domctl(14, 1, [1])]] }),
  control(15, 'max_vcpus', [1], {
    errors: [
      [EINVAL, domctl(15, 1, [2])],
      [EINVAL, domctl(15, 0, [1])],
    ],
  }),
  control(16, 'scheduler_op', [6, 0, 512 + 50 * 65536], {
    errors: [
      [EINVAL, domctl(16, 1, [5, 0, 512])],
      [EINVAL, domctl(16, 1, [6, 2, 512])],
      [EINVAL, domctl(16, 1, [6, 0, 101 * 65536])],
    ],
  }),
  control(17, 'setdomainhandle', [1, 2, 3, 4]),
  {
    ...{
      call: 35,
      command: 3,
      name: 'sysctl physinfo',
      pointer: 'ebx',
      size: 136,
      privileged: true,
      bytes: sysctl(3),
      ok: 0,
    },
    errors: [[EACCES, sysctl(3, [], 1)]],
  },
  {
    ...{ call: 35, command: 6, name: 'sysctl getdomaininfolist', pointer: 'ebx', size: 136, privileged: true },
    ...{ bytes: sysctl(6, [0, 2, LIST, 0]), ok: 0 },
    errors: [
      [EFAULT, sysctl(6, [0, 2, 0x7fff0000, 0])],
      [EFAULT, sysctl(6, [0, 2, LIST, 1])],
    ],
  },
];

function counts(): Partial<Row> {
  return {
    ...{ bytes: struct([2, SELF]), size: 2 },
    errors: [
      [ESRCH, struct([2, NOBODY])],
      [EPERM, struct([2, 1])],
    ],
  };
}

function ports(): Row['errors'] {
  return [
    [EINVAL, u(0)],
    [EINVAL, u(2)],
    [EINVAL, u(128)],
    [EINVAL, u(0xffffffff)],
  ];
}

function context(command: number): NonNullable<Row['errors']> {
  return [
    [EINVAL, domctl(command, 1, [1, 0, LIST, 0])],
    [EFAULT, domctl(command, 1, [0, 0, 0x7fff0000, 0])],
    [EFAULT, domctl(command, 1, [0, 0, LIST, 1])],
    [EINVAL, domctl(command, 0, [0, 0, LIST, 0])],
  ];
}

function pause(x: Xen): void {
  x.op(0, 36, 0, domctl(3, 1));
  x.guests[0]!.domain.writeMemory(ARGUMENT, domctl(3, 1));
  x.call(0, 36, ARGUMENT);
}

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
