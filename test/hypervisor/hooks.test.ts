/** The hook table: every kind of operation asks it, and a denied one leaves no state. */
import { describe, expect, it } from 'vitest';
import { type HookRule, OPERATIONS, type Operation, verdictCounts } from '../../src/hypervisor/hooks.js';
import { runHost } from '../../src/hypervisor/host.js';
import { codeDomain, guestDomain, hostConfig } from './fixture.js';
import { ARGUMENT, SELF, struct, Xen } from './xen.js';

const EPERM = -1;
const DENIED = -8;

/** All of a domain's slot but the verdicts themselves, its shared_info and its EPT: what a denial must not change. */
function state(x: Xen): string {
  const l = x.core.layout;
  return x.guests
    .map(({ domain }) => {
      const slot = x.core.u8.slice(domain.base, domain.base + l.DOMAIN_SIZE);
      slot.fill(0, l.DOMAIN_HOOKS, l.DOMAIN_HOOKS + 8 * l.HOOKS);
      const shared = x.core.read(domain.base + l.DOMAIN_SHARED_INFO);
      return Buffer.concat([slot, x.core.u8.slice(shared, shared + 4096)]).toString('base64');
    })
    .concat(String(x.host.freeFrames))
    .join();
}

type Step = readonly [operation: Operation, expected: number, run: (x: Xen) => number];
const port = struct([4, 1]);
const table = struct([2, SELF], [2, 0], [4, 1], [4, 0], [4, 0x1f0]);
const mapping = struct([8, 0xf0000000], [4, 2], [4, 8], [4, 1], [4, 0], [8, 0]);

/** What brings two domains to where the operations make sense. */
function prepare(x: Xen): void {
  for (const d of [0, 1]) x.op(d, 12, 7, table);
  x.guests[1]!.domain.writeMemory(0x1f0 * 4096 + 64, struct([2, 1], [2, 0], [4, 0x180]));
  x.op(0, 32, 6, struct([2, SELF], [2, 1], [4, 0]));
  x.op(1, 32, 0, struct([4, 0], [4, 1], [4, 0]));
}

const STEPS: readonly Step[] = [
  ['map', EPERM, (x) => x.op(0, 12, 7, struct([2, SELF], [2, 0], [4, 1], [4, 1], [4, 0x1e0]))],
  [
    'unmap',
    EPERM,
    (x) => {
      x.guests[0]!.domain.writeMemory(ARGUMENT + 64, struct([4, 0x170]));
      return x.op(0, 12, 1, struct([4, ARGUMENT + 64], [4, 1], [4, 0], [4, 0], [4, SELF]));
    },
  ],
  ['channel', EPERM, (x) => x.op(0, 32, 6, struct([2, SELF], [2, 1], [4, 0]))],
  ['channel', EPERM, (x) => x.op(0, 32, 1, struct([4, 0], [4, 0], [4, 0]))],
  ['channel', EPERM, (x) => x.op(0, 32, 7, struct([4, 0], [4, 0]))],
  ['send', EPERM, (x) => x.op(0, 32, 4, port)],
  ['share', DENIED, (x) => x.op(0, 20, 0, mapping, 1) || x.s16(0, ARGUMENT + 18)],
  ['schedule', DENIED, (x) => x.op(0, 20, 0, mapping, 1) || x.s16(0, ARGUMENT + 18)],
  ['control', EPERM, (x) => x.op(0, 34, 0, struct([4, SELF], [4, 0], [4, 0x40], [4, 2 << 24]))],
  [
    'control',
    EPERM,
    (x) => {
      x.guests[0]!.domain.writeMemory(ARGUMENT, struct([8, 1e6]));
      return x.call(0, 24, 6, 0, ARGUMENT);
    },
  ],
  ['destroy', EPERM, (x) => x.op(0, 29, 2, struct([4, 0]))],
];

describe('the hook table', () => {
  it.each(STEPS)('%s: a denial is the answer, is counted, and leaves no state', (operation, expected, run) => {
    const x = new Xen([0, 1], [{ operation, subject: 'd0', verdict: 'deny' }]);
    const open = new Xen([0, 1]);
    prepare(open);
    prepare(x);
    const before = state(x);
    const denied = () => verdictCounts(x.core, x.guests[0]!.domain.base)[operation]?.denied ?? 0;
    const count = denied();
    expect(run(x)).toBe(expected);
    expect(denied()).toBe(count + 1);
    expect(state(x)).toBe(before);
    const permitted = run(open);
    expect(permitted === expected).toBe(false);
  });

  it('decides by the first rule that matches, by subject and object', () => {
    const x = new Xen(
      [0, 0, 0],
      [
        { operation: 'channel', subject: 'd0', object: 'd1', verdict: 'permit' },
        { operation: 'channel', subject: 'd0', verdict: 'deny' },
      ],
    );
    const alloc = (d: number, to: number) => x.op(d, 32, 6, struct([2, SELF], [2, to], [4, 0]));
    expect([alloc(0, 1), alloc(0, 2), alloc(1, 2)]).toEqual([0, EPERM, 0]);
    expect(x.guests[0]!.hooks.takeAudit()).toEqual([{ operation: 'channel', subject: 0, object: 2 }]);
    expect(verdictCounts(x.core, x.guests[0]!.domain.base).channel).toEqual({ permitted: 1, denied: 1 });
    expect(() => new Xen([0], [{ subject: 'nobody', verdict: 'deny' }])).toThrow(/nobody/);
  });

  it('names as many operations as the layout has slots', () => {
    const x = new Xen([0]);
    expect(OPERATIONS.length).toBe(x.core.layout.HOOKS);
  });
});

describe('runHost', () => {
  const pair = (pcpus: number, security: readonly HookRule[] = []) =>
    hostConfig(
      [
        guestDomain('bulk', { name: 'a', cmdline: 'pages=4 rounds=2 side=first peer=1' }),
        guestDomain('bulk', { name: 'b', cmdline: 'pages=4 rounds=2 side=second peer=0' }),
        guestDomain('pingpong', { name: 'c', cmdline: 'n=200 side=first peer=3' }),
        guestDomain('pingpong', { name: 'd', cmdline: 'n=200 side=second peer=2' }),
      ],
      { pcpus, security, limitCycles: 3e8 },
    );

  it('gives communicating domains the same results for any number of workers', { timeout: 60_000 }, async () => {
    const { deterministic } = await runHost(pair(4), { workers: 1 });
    expect(deterministic.zeroSum).toBe(true);
    expect(deterministic.domains.map(({ outcome }) => outcome)).toEqual(
      Array(4).fill({ kind: 'shutdown', code: 0, reason: 'poweroff' }),
    );
    const [a, b] = deterministic.domains;
    expect(b!.consoleSha256).toBe(a!.consoleSha256);
    expect(b!.hooks.share).toEqual({ permitted: 1 + 2 * 4, denied: 0 });
    for (const workers of [2, 4]) expect((await runHost(pair(4), { workers })).deterministic).toEqual(deterministic);
  });

  it('denies in every worker alike, and tells', { timeout: 60_000 }, async () => {
    const rules: HookRule[] = [{ operation: 'share', subject: 'b', object: 'a', verdict: 'deny' }];
    const { deterministic } = await runHost(pair(4, rules), { workers: 1 });
    expect(deterministic.audit).toEqual([{ operation: 'share', subject: 1, object: 0 }]);
    expect(deterministic.domains[1]!.outcome).toMatchObject({ kind: 'shutdown', reason: 'crash' });
    // Who waits for an event that cannot come any more ends when nothing else is left.
    expect(deterministic.domains[0]!.outcome).toEqual({ kind: 'halted', interrupts: true });
    expect(deterministic.zeroSum).toBe(true);
    expect((await runHost(pair(4, rules), { workers: 4 })).deterministic).toEqual(deterministic);
  });

  it('notes a denial once, on whichever pCPU, for any number of workers', { timeout: 60_000 }, async () => {
    const rules: HookRule[] = [{ operation: 'send', subject: 'd', object: 'c', verdict: 'deny' }];
    const { deterministic } = await runHost(pair(4, rules), { workers: 1 });
    expect(deterministic.audit).toEqual([{ operation: 'send', subject: 3, object: 2 }]);
    for (const workers of [2, 4])
      expect((await runHost(pair(4, rules), { workers })).deterministic).toEqual(deterministic);
  });

  it('denies the creation of a domain before it takes anything', async () => {
    const config = hostConfig([codeDomain('x', [0xf4])], { security: [{ operation: 'create', verdict: 'deny' }] });
    await expect(runHost(config, { workers: 1 })).rejects.toMatchObject({ code: 'security-denied', domain: 0 });
  });
});
