/** memory_op: xen/include/public/memory.h. */

import { ARGUMENT, SELF, struct } from '../xen.js';
import {
  add,
  batch,
  counts,
  domctl,
  EBUSY,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOSYS,
  EPERM,
  ESRCH,
  LIST,
  list,
  memory,
  NOBODY,
  type Row,
  reserve,
  sharing,
  u,
} from './row.js';

export const MEMORY_ROWS: readonly Row[] = [
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
];
