/** What encryption costs a guest: in the buffer (nothing), and where every page must be brought there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDomain, framesNeeded, reserve } from '../../src/hypervisor/domain.js';
import { handleExit } from '../../src/hypervisor/exits.js';
import { Guest, RESUME } from '../../src/hypervisor/guest.js';
import { initSmm, smmBatch } from '../../src/hypervisor/smm.js';
import type { DomainConfig, Protection, SmmBackend } from '../../src/hypervisor/types.js';
import { type Core, coreModule, packageRoot } from '../../src/machine/core.js';
import { costWeights, DEFAULT_COST_TABLE } from '../../src/machine/cost-table.js';
import { layOutHost } from '../../src/machine/flat-memory.js';
import { HostView, VcpuView } from '../../src/machine/views.js';
import { BASELINE } from '../report.js';
import type { MicroBench } from './benches.js';

const MIB = 1 << 20;
const PAGE = 4096;
const INSTRUCTIONS = 200_000; // a window of about a millisecond
const EXIT_BUDGET = 0xffff;
const CODE = 0x3ff000;
const FIRST = 0x180000;
const PAGES = 256;

interface Booted {
  readonly core: Core;
  readonly v: number;
}

/** A guest alone on a host; the unit is told that it runs. */
function boot(
  protection: Protection,
  slots: number,
  guest: Pick<DomainConfig, 'image' | 'imageName' | 'cmdline'>,
  backend: SmmBackend = 'wasm',
): Booted {
  const config: DomainConfig = {
    ...guest,
    ...{ name: 'bench', memoryBytes: 4 * MIB, protection },
    translation: { kind: 'ept', pageSize: '4k', accessedDirty: true },
  };
  const module = coreModule();
  const frames = framesNeeded(config);
  const unit = protection === 'none' ? 0 : slots;
  const batch = unit === 0 ? 0 : smmBatch({ smm: { backend } });
  const core = layOutHost(module, { pcpus: 1, vcpus: 1, domains: 1, frames, smmSlots: unit, smmBatch: batch });
  core.u32.set(costWeights(DEFAULT_COST_TABLE, core.layout), core.layout.HOST_WEIGHTS >>> 2);
  const host = {
    pcpus: 1,
    frequencyHz: 1e9,
    quantumCycles: 1e6,
    sliceCycles: 1e6,
    seed: 1,
    costTable: DEFAULT_COST_TABLE,
  };
  initSmm(core, { ...host, domains: [config] });
  createDomain(core, 0, config, 0, 0, reserve(core, 0, config));
  const view = new HostView(core);
  const v = view.vcpuAddress(0);
  core.call.smmSwitch(view.pcpuAddress(0), v);
  return { core, v };
}

function program(name: string, cmdline: string): Pick<DomainConfig, 'image' | 'imageName' | 'cmdline'> {
  const image = readFileSync(join(packageRoot(), 'guests', 'images', `${name}.elf`));
  return { image, imageName: name, cmdline };
}

/** Runs on, as a pCPU does; a guest that ended would make the figure meaningless. */
function runs({ core, v }: Booted): () => number {
  const guest = new Guest(core, v);
  return () => {
    const end = guest.vcpu.retired + INSTRUCTIONS;
    for (let left = INSTRUCTIONS; left > 0; left = end - guest.vcpu.retired) {
      const reason = core.call.run(v, left);
      if (reason !== EXIT_BUDGET && handleExit(guest, reason) !== RESUME) throw new Error(`the guest ended: ${reason}`);
    }
    guest.drain();
    guest.console = [];
    return 0;
  };
}

/** pchase over 512 KiB: all its pages fit. It is past its set-up. */
function chase(protection: Protection): () => number {
  const booted = boot(protection, 1024, program('pchase', 'kb=512 steps=2000000000'));
  const call = runs(booted);
  for (let i = 0; i < 50; i++) call();
  return call;
}

export const GUEST_BENCH: MicroBench = {
  name: 'smm/guest',
  about: 'pchase over 512 KiB, all in the buffer of 1,024 pages',
  operation: 'instruction',
  prepare: () => ({
    operations: INSTRUCTIONS,
    machine: { numbers: new Map(), u8: new Uint8Array() },
    natives: [],
    subjects: [
      { name: BASELINE, about: 'not protected', call: chase('none') },
      ...(['ctr', 'ctr+mac+tree'] as const).map((mode) => ({ name: mode, about: 'protected', call: chase(mode) })),
    ],
  }),
};

const word = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];

/** MOV EDI, FIRST; MOV EAX, [EDI] or ADD [EDI], EAX; ADD EDI, 4096; CMP EDI, end; JB; JMP to the start. */
function touching(writes: boolean): number[] {
  const page = [writes ? 0x01 : 0x8b, 0x07, 0x81, 0xc7, ...word(PAGE), 0x81, 0xff, ...word(FIRST + PAGES * PAGE)];
  page.push(0x72, -(page.length + 2) & 255);
  const code = [0xbf, ...word(FIRST), ...page];
  return [...code, 0xeb, -(code.length + 2) & 255];
}

/** Calls that touch every page once; with 32 slots each is a miss. */
function touches(mode: Protection, writes: boolean, backend: SmmBackend = 'wasm'): () => number {
  const { core, v } = boot(mode, 32, program('hello', ''), backend);
  const vcpu = new VcpuView(core, v);
  const start = (code: readonly number[]): void => {
    const frame = core.call.eptFrame(core.read(v + core.layout.VCPU_EPTP), CODE) >>> 0;
    const at = core.call.smmAddress(frame, 1) >>> 0;
    core.u8.set(code, at);
    core.call.machineWritten(at - core.read(core.layout.HOST_DRAM), code.length);
    vcpu.eip = CODE;
  };
  const call = (): number => {
    core.call.run(v, 4 * PAGES + 2);
    return 0;
  };
  start(touching(true));
  for (let i = 0; i < 3; i++) call();
  if (!writes) start(touching(false));
  for (let i = 0; i < 3; i++) call();
  return call;
}

function missBench(name: string, about: string, writes: boolean): MicroBench {
  return {
    name,
    about,
    operation: 'page',
    prepare: () => ({
      operations: PAGES,
      machine: { numbers: new Map(), u8: new Uint8Array() },
      natives: [],
      subjects: [
        { name: BASELINE, about: 'ctr', call: touches('ctr', writes) },
        ...(['ctr+mac', 'ctr+mac+tree', 'xts'] as const).map((mode) => ({
          name: mode,
          about: '',
          call: touches(mode, writes),
        })),
        { name: 'ctr-host', about: 'ctr, OpenSSL encrypts', call: touches('ctr', writes, 'host') },
      ],
    }),
  };
}

export const FILL_BENCH = missBench(
  'smm/fill',
  'a guest reads pages that are not in the buffer: the whole miss',
  false,
);
export const WRITE_BACK_BENCH = missBench('smm/write-back', 'the same, writing: each miss evicts a dirty page', true);

/** Calls that make every page fresh and dirty, without a cipher, and then write all of them back at once. */
function flushes(mode: Protection, backend: SmmBackend): () => number {
  const { core, v } = boot(mode, 1024, program('hello', ''), backend);
  const pcpu = new HostView(core).pcpuAddress(0);
  const eptp = core.read(v + core.layout.VCPU_EPTP);
  const gfns = Array.from({ length: PAGES }, (_, i) => FIRST / PAGE + i);
  const frames = gfns.map((gfn) => core.call.eptFrame(eptp, gfn * PAGE) >>> 0);
  core.call.smmFlush(pcpu);
  return () => {
    for (let i = 0; i < PAGES; i++) {
      core.call.smmPopulate(0, frames[i]!, gfns[i]!, 7);
      core.call.smmAddress(frames[i]!, 1);
    }
    return core.call.smmFlush(pcpu);
  };
}

export const FLUSH_BENCH: MicroBench = {
  name: 'smm/flush',
  about: `${PAGES} dirty pages are written back at once, as a context switch does`,
  operation: 'page',
  prepare: () => ({
    operations: PAGES,
    machine: { numbers: new Map(), u8: new Uint8Array() },
    natives: [],
    subjects: [
      { name: BASELINE, about: 'ctr, the machine encrypts', call: flushes('ctr', 'wasm') },
      { name: 'ctr-host', about: 'ctr, OpenSSL encrypts', call: flushes('ctr', 'host') },
      { name: 'ctr+mac', about: 'ctr+mac, the machine encrypts', call: flushes('ctr+mac', 'wasm') },
      { name: 'ctr+mac-host', about: 'ctr+mac, OpenSSL encrypts', call: flushes('ctr+mac', 'host') },
    ],
  }),
};
