/** sched_op, vcpu_op, hvm_op, xen_version, console_io: xen/include/public/sched.h, vcpu.h, hvm/hvm_op.h, version.h, xen.h. */

import { ARGUMENT, SELF } from '../xen.js';
import {
  EEXIST,
  EFAULT,
  EINVAL,
  ENODATA,
  ENOENT,
  EPERM,
  ESRCH,
  ETIME,
  LIST,
  list,
  NOBODY,
  type Row,
  u,
} from './row.js';

export const VCPU_ROWS: readonly Row[] = [
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

  {
    // struct vcpu_hvm_context; vCPU 0 is initialised, and there are no others
    ...{ call: 24, command: 0, name: 'vcpu_op initialise', pointer: 'edx', size: 128, bytes: new Uint8Array(128) },
    ...{
      ok: EEXIST,
      errors: [
        [ENOENT, undefined, { ecx: 1 }],
        [ENOENT, undefined, { ecx: 0xffffffff }],
      ],
    },
  },
  { call: 24, command: 1, name: 'vcpu_op up', ok: 0, errors: [[ENOENT, undefined, { ecx: 1 }]] },
  {
    // The last vCPU: the domain powers off.
    ...{ call: 24, command: 2, name: 'vcpu_op down', errors: [[ENOENT, undefined, { ecx: 1 }]] },
    ok: (_, x) => x.guests[0]!.outcome?.kind === 'shutdown',
  },
  {
    ...{ call: 24, command: 4, name: 'vcpu_op get_runstate_info', pointer: 'edx', size: 44, bytes: new Uint8Array(44) },
    ...{ ok: 0, errors: [[ENOENT, undefined, { ecx: 1 }]] },
  },
  {
    ...{
      call: 24,
      command: 5,
      name: 'vcpu_op register_runstate_memory_area',
      pointer: 'edx',
      size: 4, // 32-bit guests: the handle alone is read
      bytes: u(LIST),
    },
    prepare: list(0xffffffff),
    ok: (result, x) => result === 0 && x.u32(0, LIST) === 0,
    // An area that is not there, or wraps, is no error: it is not written.
    errors: [
      [0, u(0x7fff0000)],
      [0, u(0xfffffff0)],
      [ENOENT, undefined, { ecx: 1 }],
    ],
  },
  { call: 24, command: 3, name: 'vcpu_op is_up', ok: 1, errors: [[ENOENT, undefined, { ecx: 1 }]] },
  {
    ...{ call: 24, command: 6, name: 'vcpu_op set_periodic_timer', pointer: 'edx', size: 8, bytes: u(1e6, 0), ok: 0 },
    errors: [
      [EINVAL, u(999_999, 0)],
      [EINVAL, u(0, 0x40000000)], // 2^62: beyond STIME_DELTA_MAX
      [EINVAL, u(0xffffffff, 0xffffffff)],
    ],
  },
  { call: 24, command: 7, name: 'vcpu_op stop_periodic_timer', ok: 0, errors: [[ENOENT, undefined, { ecx: 1 }]] },
  {
    ...{ call: 24, command: 8, name: 'vcpu_op set_singleshot_timer', pointer: 'edx', size: 12, bytes: u(1e9, 0, 0) },
    ...{ ok: 0, prepare: (x) => x.core.call.setIdle(x.guests[0]!.vcpu.base, 1e6) },
    errors: [[ETIME, u(5, 0, 1)]],
  },
  // Whose vCPU is not pinned gets no physical id, as in Xen's arch_do_vcpu_op.
  { call: 24, command: 12, name: 'vcpu_op get_physid', ok: EINVAL, errors: [[ENOENT, undefined, { ecx: 1 }]] },
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
];
