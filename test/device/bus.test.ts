import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Board } from './board.js';

const board = new Board();
beforeEach(() => board.reset());

describe('port bus', () => {
  it('reads ports without a device as all ones, in every size', () => {
    for (const port of [0x0, 0x70, 0x1f0, 0x2f8, 0x3e8, 0xc00, 0xffff]) {
      expect([board.in(port), board.in(port, 0, 2), board.in(port, 0, 4)]).toEqual([0xff, 0xffff, 0xffffffff]);
    }
  });

  it('splits wide accesses into bytes for consecutive ports', () => {
    board.out(0x3fb, 0x80); // DLAB
    board.out(0x3f8, 0x1234, 0, 2);
    expect([board.in(0x3f8), board.in(0x3f9)]).toEqual([0x34, 0x12]);
    expect(board.in(0x3f8, 0, 2)).toBe(0x1234);
  });

  it('keeps the POST code and the A20 gate', () => {
    board.out(0x80, 0xab);
    expect(board.in(0x80)).toBe(0xab);
    board.out(0x92, 0);
    expect(board.in(0x92)).toBe(2);
  });

  it('resets by 0xCF9 on a rising edge, 0x92 and 0x64', () => {
    expect(board.out(0xcf9, 0x02)).toBe(0);
    expect(board.out(0xcf9, 0x06)).toBe(1);
    expect(board.out(0xcf9, 0x06)).toBe(0);
    expect(board.out(0x92, 3)).toBe(1);
    expect(board.out(0x64, 0xd1)).toBe(0);
    expect(board.out(0x64, 0xfe)).toBe(1);
  });

  it('toggles the refresh bit of port 0x61 and shows timer 2', () => {
    const seen = new Set<number>();
    for (let now = 0; now < 100; now++) seen.add(board.in(0x61, now) & 0x10);
    expect(seen).toEqual(new Set([0, 0x10]));
  });

  it('touches nothing but the domain, whatever is written where', () => {
    const { core, domain } = board;
    const size = core.layout.DOMAIN_SIZE;
    const before = core.u8.slice();
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.oneof(
              fc.constantFrom(0x20, 0x21, 0xa0, 0xa1, 0x40, 0x42, 0x43, 0x61),
              fc.integer({ min: 0x3f8, max: 0x3ff }),
              fc.nat(0xffff),
            ),
            fc.constantFrom(1, 2, 4),
            fc.nat(0xffffffff),
            fc.nat(2 ** 40),
          ),
          { maxLength: 40 },
        ),
        (writes) => {
          board.reset();
          let now = 0;
          for (const [port, width, value, later] of writes) {
            now = Math.max(now, later);
            board.out(port, value, now, width);
            expect(board.in(port, now, width)).toBeLessThanOrEqual(2 ** (8 * width) - 1);
            core.call.pitSync(domain, now);
            expect(core.call.pitDeadline(domain)).toBeGreaterThan(now);
          }
        },
      ),
      { numRuns: 200 },
    );
    const after = core.u8.slice();
    before.fill(0, domain, domain + size);
    after.fill(0, domain, domain + size);
    // The one word outside: INTR of the domain's vCPU.
    const intr = board.vcpu + core.layout.VCPU_INTR;
    before.fill(0, intr, intr + 4);
    after.fill(0, intr, intr + 4);
    expect(Buffer.compare(before, after)).toBe(0);
  });
});
