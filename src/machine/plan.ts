/**
 * The plan of a host: the numbers from which the core lays the flat memory out (assembly/host.ts). They are the first words of the
 * host header, so each stands there and here once: a row is a name, its word in assembly/layout.ts, and its range.
 */

const U32 = 2 ** 32 - 1;
/** Domain ids from here on are not domains' own: DOMID_FIRST_RESERVED of Xen's public/xen.h. */
const FIRST_RESERVED = 0x7ff0;

interface Row {
  readonly word: string;
  readonly least: 0 | 1;
  /** Where the word's own range is the limit, whether it fits is known when all is laid out. */
  readonly most: number;
}

/** What may be 0 may be left out. */
export const PLAN = {
  /** Physical CPUs. */
  pcpus: { word: 'HOST_PCPUS', least: 1, most: 64 },
  /** Slots of vCPUs, at least as many as of domains: slot i is that of the first vCPU of domain i. */
  vcpus: { word: 'HOST_VCPUS', least: 1, most: 64 * 4096 },
  /** Slots of domains. */
  domains: { word: 'HOST_DOMAINS', least: 1, most: FIRST_RESERVED },
  /** DRAM, in frames of 4 KiB. */
  frames: { word: 'HOST_FRAMES', least: 1, most: U32 },
  /** Entries of all second-level TLBs. */
  stlbEntries: { word: 'HOST_STLB_ENTRIES', least: 0, most: U32 },
  /** Pages of each pCPU's SMM buffer; without any there is no SMM. */
  smmSlots: { word: 'HOST_SMM_SLOTS', least: 0, most: 65536 },
  /** Pages that OpenSSL encrypts for the SMM in one call; 0: the machine encrypts. Their jobs are in one page: assembly/smm/batch.ts. */
  smmBatch: { word: 'HOST_SMM_BATCH', least: 0, most: 170 },
  /** Pages of all disks, 4 KiB each. */
  diskPages: { word: 'HOST_DISK_PAGES', least: 0, most: U32 },
  /** Pages of all domains that can become common. */
  mergeablePages: { word: 'HOST_MERGEABLE_PAGES', least: 0, most: U32 },
} as const satisfies Readonly<Record<string, Row>>;

type Name = keyof typeof PLAN;
type Required = { [N in Name]: (typeof PLAN)[N]['least'] extends 1 ? N : never }[Name];

export type PlanWord = (typeof PLAN)[Name]['word'];
/** Every number of a plan. */
export type WholePlan = { readonly [N in Name]: number };
export type HostPlan = Pick<WholePlan, Required> & Partial<WholePlan>;

export const PLAN_NAMES = Object.keys(PLAN) as readonly Name[];

/** The plan with the numbers that were left out. Throws RangeError for one that no host can have. */
export function checkedPlan(plan: HostPlan): WholePlan {
  const whole = Object.fromEntries(PLAN_NAMES.map((name) => [name, plan[name] ?? 0])) as WholePlan;
  for (const name of PLAN_NAMES) {
    const { least, most } = PLAN[name];
    const value = whole[name];
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    throw new RangeError(`a host's ${name} must be a whole number from ${least} to ${most}, not ${value}`);
  }
  if (whole.vcpus < whole.domains) {
    throw new RangeError(`a host of ${whole.domains} domains needs as many vCPU slots, not ${whole.vcpus}`);
  }
  return whole;
}
