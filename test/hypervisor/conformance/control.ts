/** domctl and sysctl: xen/include/public/domctl.h, sysctl.h. */
import {
  context,
  control,
  domctl,
  EACCES,
  EEXIST,
  EFAULT,
  EINVAL,
  EOPNOTSUPP,
  LIST,
  NOBODY,
  pause,
  type Row,
  sysctl,
} from './row.js';

export const CONTROL_ROWS: readonly Row[] = [
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
