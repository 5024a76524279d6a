/**
 * From a plan to a host's flat memory. The core computes sizes and places, out of the plan in the host header: on a bare core, whose
 * memory holds the header and not much more, when only the size is asked.
 */
import { Core } from './core.js';
import { checkedPlan, type HostPlan, PLAN, PLAN_NAMES, type WholePlan } from './plan.js';

/** WebAssembly pages of 64 KiB: all that 32-bit addresses reach. */
const MAX_PAGES = 65536;
const WASM_PAGE = 65536;
/** Largest flat memory, bytes. */
export const FLAT_MEMORY_MAX = MAX_PAGES * WASM_PAGE;
/** Enough for the header and the tables behind it. */
const BARE_PAGES = 16;

const bareCores = new WeakMap<WebAssembly.Module, Core>();

/** A core without a host, for questions about the machine; one per module. */
export function bareCore(module: WebAssembly.Module): Core {
  let core = bareCores.get(module);
  if (core === undefined) {
    core = new Core(module, sharedMemory(BARE_PAGES));
    bareCores.set(module, core);
  }
  return core;
}

/** WebAssembly pages that a host takes; it may be more than there can be. Throws RangeError for a plan that no host can have. */
export function hostPages(module: WebAssembly.Module, plan: HostPlan): number {
  const core = bareCore(module);
  writePlan(core, plan);
  return core.call.hostPages() >>> 0;
}

/** The same in bytes. */
export function hostBytes(module: WebAssembly.Module, plan: HostPlan): number {
  return hostPages(module, plan) * WASM_PAGE;
}

/**
 * A core over the memory of a new host: laid out, every frame free, no domain. Throws RangeError if no host can be so, or none fits
 * into 4 GiB.
 * @param allocate gives zeroed shared memory of at least so many pages
 */
export function layOutHost(
  module: WebAssembly.Module,
  plan: HostPlan,
  allocate: (pages: number) => WebAssembly.Memory = sharedMemory,
): Core {
  const pages = hostPages(module, plan);
  if (pages > MAX_PAGES) throw new RangeError(`the host needs ${pages / 16} MiB of flat memory; 4096 MiB is the limit`);
  const core = new Core(module, allocate(pages));
  writePlan(core, plan);
  core.call.hostInit();
  return core;
}

function writePlan(core: Core, plan: HostPlan): void {
  const whole = checkedPlan(plan);
  for (const name of PLAN_NAMES) core.write(core.layout[PLAN[name].word], whole[name]);
}

/** The plan by which a host was laid out. */
export function readPlan(core: Core): WholePlan {
  return Object.fromEntries(PLAN_NAMES.map((name) => [name, core.read(core.layout[PLAN[name].word])])) as WholePlan;
}

function sharedMemory(pages: number): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: pages, maximum: Math.max(pages, BARE_PAGES), shared: true });
}
