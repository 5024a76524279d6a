/** A machine that runs nothing: every domain ends as its image's first line says, or in good order. */
import { createHash } from 'node:crypto';
import type { Machine } from '../../src/cli/io.js';
import {
  AbortedError,
  type DomainResult,
  HostError,
  type HostResult,
  type Outcome,
} from '../../src/hypervisor/types.js';

const ENDINGS: Record<string, Outcome> = {
  crash: { kind: 'shutdown', code: 3, reason: 'crash' },
  triple: { kind: 'triple-fault', vector: 14 },
  broken: { kind: 'platform-error', message: 'unreachable' },
};

export interface FakeOptions {
  /** Milliseconds a run takes, in steps of 10 ms between which it looks at the signal. */
  readonly runMs?: number;
  readonly console?: (name: string) => string;
  readonly fail?: Error;
  readonly zeroSum?: boolean;
}

export interface FakeMachine extends Machine {
  /** Number of runs begun. */
  readonly runs: () => number;
}

const NONE = {} as DomainResult['smm']['violations'];

export function fakeMachine(options: FakeOptions = {}): FakeMachine {
  let runs = 0;
  return {
    runs: () => runs,
    costTable: { name: 'fake', lines: [{ event: 'retired', cycles: 1, source: 'none' }] },
    hostBytes: (_, domains) => ({
      needed: domains.reduce((sum, domain) => sum + domain.memoryBytes, 0),
      limit: 4 * 1024 ** 3 - 64 * 1024 ** 2,
      guests: domains.reduce((sum, domain) => sum + domain.memoryBytes, 0),
    }),
    inputBytes: () => 1024,
    inspectImage: ({ image }) => {
      if (image[0] === 0) throw new Error('is not an ELF image');
    },
    runHost: async (config, { workers, signal, onProgress }): Promise<HostResult> => {
      runs++;
      if (options.fail !== undefined) throw options.fail;
      for (let waited = 0; waited < (options.runMs ?? 0); waited += 10) {
        if (signal?.aborted) throw new AbortedError();
        await new Promise((done) => setTimeout(done, 10));
        onProgress?.({
          quantum: waited,
          cycles: waited * 1e6,
          retired: waited * 1e6,
          domainsEnded: 0,
          domainsTotal: config.domains.length,
        });
      }
      const domains = config.domains.map((domain, index): DomainResult => {
        const word = Buffer.from(domain.image).toString('latin1').split('\n', 1)[0] ?? '';
        const console = Buffer.from(options.console?.(domain.name) ?? `@${domain.name}\n=0badcafe\n`, 'latin1');
        return {
          name: domain.name,
          ...{ template: index, memoryBytes: domain.memoryBytes, translation: domain.translation },
          imageName: domain.imageName,
          imageSha256: createHash('sha256').update(domain.image).digest('hex'),
          pcpu: domain.pcpu ?? index % config.pcpus,
          outcome: ENDINGS[word] ?? { kind: 'shutdown', code: 0, reason: 'poweroff' },
          ...{
            eip: 0x100123,
            retired: 1234567 + index,
            cycles: 2345678,
            clock: 2345678,
            scheduling: {
              contextSwitches: 4,
              preemptions: 1,
              waited: 9,
              wakeups: 2,
              wakeLatency: 8,
              wakeLatencyMax: 7,
            },
            exits: { cpuid: 2 },
            exitsTotal: 2,
          },
          ...{
            tlbMisses: 30,
            stlbHits: 0,
            tlbFlushes: 1,
            walkGuest: 60,
            walkEpt: 360,
            exceptions: 0,
            interrupts: 0,
            pageFaults: 0,
          },
          ...{
            pages: domain.memoryBytes / 4096,
            tablePages: 3,
            copiedPages: 0,
            mergedPages: 0,
            protection: domain.protection ?? 'none',
            hooks: {},
            smm: {
              fills: 0,
              decrypts: 0,
              writeBacks: 0,
              cleanDrops: 0,
              evictions: 0,
              macs: 0,
              treeNodes: 0,
              rekeys: 0,
              violations: NONE,
            },
            dma: { requests: 0, reads: 0, readBytes: 0, writes: 0, writeBytes: 0, faults: 0 },
            diskSha256: '',
            inherited: 0,
            stateHash: '',
            consoleSha256: '',
            console,
            consoleDropped: 0,
          },
        };
      });
      return {
        deterministic: {
          ...{ domains, seed: config.seed, quanta: 3, pcpuCycles: [2345678], pcpuBusyCycles: [2345678] },
          ...{ pcpuContextSwitches: [4], pcpuSwitchCycles: [8000] },
          pageSharing: { passes: 0, scanned: 0, merged: 0, unshared: 0, savedMost: 0 },
          zeroSum: options.zeroSum ?? true,
          audit: [],
        },
        wallClock: {
          ...{ workers, bootMs: 1, runMs: 2, destroyMs: 1, mips: 617, memoryMiB: 64, reproducers: [] },
          domains: domains.map(({ name }) => ({ name, startMs: 0.5, runMs: 1, mips: 600 })),
        },
      };
    },
  };
}

export const hostError = (message: string, domain?: number): HostError => new HostError('test', message, domain);
