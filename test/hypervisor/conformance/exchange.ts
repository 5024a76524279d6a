/** event_channel_op and grant_table_op: xen/include/public/event_channel.h, grant_table.h. */

import { SELF, struct } from '../xen.js';
import {
  BAD_DOMAIN,
  copying,
  DENIED,
  EINVAL,
  ENOENT,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
  event,
  grant,
  granted,
  LIST,
  mapping,
  NOBODY,
  open,
  ports,
  type Row,
  u,
} from './row.js';

export const EXCHANGE_ROWS: readonly Row[] = [
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
];
