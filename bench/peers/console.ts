/** The console of a domain, seen byte by byte as it is written: when a port write or a hypercall has put it into the ring. */
import type { Core, CoreFunctions } from '../../src/machine/core.js';

/** Calls `feed` for every byte that enters a domain's console ring. */
export function watchConsole(core: Core, feed: (byte: number) => void): void {
  const l = core.layout;
  const original = core.call;
  const head = (domain: number): number => core.read(domain + l.DOMAIN_CONSOLE_HEAD);
  const report = (domain: number, from: number): void => {
    const ring = domain + l.DOMAIN_CONSOLE;
    for (let i = from; i !== head(domain); i = (i + 1) >>> 0) feed(core.u8[ring + (i & (l.DOMAIN_CONSOLE_SIZE - 1))]!);
  };
  const watched: CoreFunctions = {
    ...original,
    portWrite: (domain, port, size, value, now) => {
      const before = head(domain);
      const event = original.portWrite(domain, port, size, value, now);
      if (head(domain) !== before) report(domain, before);
      return event;
    },
    consoleWrite: (domain, vcpu, linear, count) => {
      const before = head(domain);
      const written = original.consoleWrite(domain, vcpu, linear, count);
      report(domain, before);
      return written;
    },
  };
  (core as { call: CoreFunctions }).call = watched;
}
