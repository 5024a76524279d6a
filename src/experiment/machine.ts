/** The real machine behind scenarios. */
import { runHost } from '../hypervisor/host.js';
import { planHost } from '../hypervisor/host-memory.js';
import { planBoot } from '../hypervisor/multiboot.js';
import { coreBytes, coreModule } from '../machine/core.js';
import { DEFAULT_COST_TABLE } from '../machine/cost-table.js';
import { bareCore, FLAT_MEMORY_MAX, hostBytes } from '../machine/flat-memory.js';
import type { LoadContext } from './load-domain.js';
import type { Platform } from './run.js';

/** What runs scenarios, and knows what they need. */
export interface Machine extends Platform {
  readonly hostBytes: NonNullable<LoadContext['hostBytes']>;
  readonly inspectImage: NonNullable<LoadContext['inspectImage']>;
  readonly inputBytes: NonNullable<LoadContext['inputBytes']>;
}

const PAGE = 4096;

export function machine(): Machine {
  return {
    runHost,
    costTable: DEFAULT_COST_TABLE,
    core: coreBytes,
    inputBytes: () => bareCore(coreModule()).layout.DOMAIN_INPUT_SIZE,
    inspectImage: ({ image, imageName, memoryBytes, cmdline, modules }) => {
      planBoot(image, memoryBytes, `${imageName} ${cmdline}`, modules);
    },
    hostBytes: (host, domains) => {
      const { plan, least } = planHost({ ...host, domains });
      return { needed: hostBytes(coreModule(), plan), limit: FLAT_MEMORY_MAX, guests: least * PAGE };
    },
  };
}
