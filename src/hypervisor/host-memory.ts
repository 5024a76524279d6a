/** What a host needs of memory, laid out and dealt out: from the configuration to a core over its new flat memory. */
import type { Core } from '../machine/core.js';
import { layOutHost } from '../machine/flat-memory.js';
import type { HostPlan } from '../machine/plan.js';
import { diskTotal } from './disk.js';
import { framesNeeded } from './domain.js';
import { imageFrames } from './domain-restore.js';
import { FORK_FRAMES } from './fork.js';
import { dealMergeTables, mergeablePages } from './page-sharing.js';
import { dealSecondLevels, secondLevelSlots, secondLevelTotal } from './second-level-tlb.js';
import { smmBatch, smmSlots } from './smm.js';
import { type DomainConfig, type HostConfig, HostError } from './types.js';

const PAGE = 4096;
const MIB = 2 ** 20;
/** Frames beyond what the domains begin with: shared_info, grant table and the EPT tables that map them and grants. */
const XEN_FRAMES = 5;

/** What of a domain's configuration decides the room that it takes. */
type PlannedDomain = Pick<
  DomainConfig,
  'memoryBytes' | 'translation' | 'protection' | 'privileged' | 'secondLevelTlb' | 'pageSharing' | 'fork'
> & {
  readonly disk?: { readonly sizeBytes: number };
  /** The image, or the frames that one needs. */
  readonly restore?: NonNullable<DomainConfig['restore']> | { readonly frames: number };
};

/** What of a host's configuration does. */
export type PlannedHost = Pick<HostConfig, 'pcpus' | 'domainSlots' | 'memoryBytes' | 'smm'> & {
  readonly pageSharing?: unknown;
  readonly domains: readonly PlannedDomain[];
};

export interface HostNeeds {
  readonly plan: HostPlan;
  /** Frames that the configured domains begin with; the plan may have fewer if the host's memory was configured. */
  readonly least: number;
}

/** What a host is made of. The configuration has been checked. */
export function planHost(host: PlannedHost): HostNeeds {
  const { pcpus, domains, domainSlots = 0, memoryBytes, smm } = host;
  const slots = domains.length + domainSlots;
  const least = domains.reduce((sum, domain) => sum + beginning(domain), 0);
  const plan = {
    pcpus,
    vcpus: slots,
    domains: slots,
    frames: memoryBytes === undefined ? least + XEN_FRAMES * domains.length : Math.floor(memoryBytes / PAGE),
    stlbEntries: secondLevelTotal(secondLevelSlots(domains, slots)),
    smmSlots: smmSlots({ smm, domains }),
    smmBatch: smmBatch({ smm }),
    diskPages: diskTotal(domains),
    mergeablePages: mergeablePages(host),
  };
  return { plan, least };
}

/** Frames that a domain begins with. */
function beginning(domain: PlannedDomain): number {
  const { fork, restore } = domain;
  if (fork !== undefined) return FORK_FRAMES;
  if (restore === undefined) return framesNeeded(domain);
  return 'frames' in restore ? restore.frames : imageFrames(restore);
}

/**
 * A core over the memory of a new host without domains. Throws HostError if the configured memory is too small, or the host too large.
 * @param allocate gives zeroed shared memory of at least so many WebAssembly pages
 */
export function createHost(
  module: WebAssembly.Module,
  config: HostConfig,
  allocate?: (pages: number) => WebAssembly.Memory,
): Core {
  const { plan, least } = planHost(config);
  if (plan.frames < least) {
    const [needed, given] = [least, plan.frames].map((n) => Math.ceil((n * PAGE) / MIB));
    throw new HostError('host-memory', `the domains need ${needed} MiB of host memory; ${given} MiB is given`);
  }
  try {
    const core = layOutHost(module, plan, allocate);
    dealSecondLevels(core, secondLevelSlots(config.domains, plan.vcpus));
    dealMergeTables(core, config);
    return core;
  } catch (error) {
    if (error instanceof RangeError) throw new HostError('host-memory', error.message);
    throw error;
  }
}
