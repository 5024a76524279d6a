/** The real machine behind scenarios. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { diskTotal } from '../hypervisor/disk.js';
import { framesNeeded } from '../hypervisor/domain.js';
import { FORK_FRAMES } from '../hypervisor/fork.js';
import { runHost } from '../hypervisor/host.js';
import { planBoot } from '../hypervisor/multiboot.js';
import { mergePages } from '../hypervisor/page-sharing.js';
import { secondLevelSlots, secondLevelTotal } from '../hypervisor/second-level-tlb.js';
import { smmBatch, smmSlots } from '../hypervisor/smm.js';
import { Core, coreModule, packageRoot } from '../machine/core.js';
import { DEFAULT_COST_TABLE } from '../machine/cost-table.js';
import type { LoadContext } from './load-domain.js';
import type { Platform } from './run.js';

/** What runs scenarios, and knows what they need. */
export interface Machine extends Platform {
  readonly hostBytes: NonNullable<LoadContext['hostBytes']>;
  readonly inspectImage: NonNullable<LoadContext['inspectImage']>;
  readonly inputBytes: NonNullable<LoadContext['inputBytes']>;
}

const WASM_PAGE = 65536;
const PAGE = 4096;

/** SHA-256 of build/core.wasm as it is now. */
export function coreHash(): string {
  return createHash('sha256').update(readFileSync(corePath())).digest('hex');
}

const corePath = (): string => join(packageRoot(), 'build', 'core.wasm');

export function machine(): Machine {
  let known: Core | undefined;
  /** A core without a host, for questions about sizes. */
  const core = (): Core => {
    known ??= new Core(coreModule(), new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true }));
    return known;
  };
  return {
    runHost,
    costTable: DEFAULT_COST_TABLE,
    core: () => readFileSync(corePath()),
    inputBytes: () => core().layout.DOMAIN_INPUT_SIZE,
    inspectImage: ({ image, imageName, memoryBytes, cmdline, modules }) => {
      planBoot(image, memoryBytes, `${imageName} ${cmdline}`, modules);
    },
    hostBytes: ({ pcpus, domainSlots, memoryBytes, smm, pageSharing }, domains) => {
      const configs = domains.map(
        ({ fork, path: _, guest: __, modules: ___, restore: ____, cpuidHide: _____, ...spec }) => {
          const image = { image: new Uint8Array(), imageName: '' };
          return { ...spec, ...image, ...(fork !== undefined && { fork }) };
        },
      );
      const least = configs.reduce(
        (sum, config, i) => sum + (config.fork ? FORK_FRAMES : (domains[i]!.restore?.frames ?? framesNeeded(config))),
        0,
      );
      const slots = domains.length + domainSlots;
      const frames = memoryBytes === undefined ? least : memoryBytes / PAGE;
      const entries = secondLevelTotal(secondLevelSlots(domains, slots));
      const buffer = smmSlots({ domains: configs, smm });
      const batch = smmBatch({ smm });
      const disks = diskTotal(domains);
      const common = mergePages({ domains: configs, ...(pageSharing !== undefined && { pageSharing: {} }) });
      const pages = core().call.hostBytes(pcpus, slots, slots, frames, entries, buffer, batch, disks, common) >>> 0;
      return { needed: pages * WASM_PAGE, limit: 65536 * WASM_PAGE, guests: least * PAGE };
    },
  };
}
