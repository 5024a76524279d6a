/**
 * What there is in guests/: one entry per image, with the runs that others may ask for by name. `build.mjs` turns it into
 * images/ and manifest.json, `native/record.mjs` into native/expected.json, `verify.mjs` runs it on QEMU.
 *
 * programs: name        the image's file name without `.elf`, and the source `programs/<name>.c`
 *           description  one line
 *           machine     also link `programs/<name>-machine.c`, natively `native/<name>-machine.c`
 *           cmdlines    command lines whose checksums are recorded; the first is the default
 *           memoryMiB   the least guest memory the default command line needs
 *           input       what the console's input holds, for programs that read it
 *           disk        the disk that it needs: bytes, and the seed of its contents
 *           script      linker script, `lib/<script>.ld`; default: guest
 */
export const programs = [
  { name: 'hello', description: 'greets by console_io and by the UART', cmdlines: ['', 'n=3'] },
  {
    name: 'sieve',
    description: 'sieve of Eratosthenes over n bytes',
    cmdlines: ['', 'n=1000', 'n=100000', 'n=400000'],
  },
  {
    name: 'quicksort',
    description: 'quicksort of n words',
    cmdlines: ['', 'n=1000 seed=7', 'n=20000 seed=2', 'seed=2', 'seed=3', 'seed=4'],
  },
  {
    name: 'sha256',
    description: 'SHA-256 of "abc" and of kb KiB',
    cmdlines: ['', 'kb=1', 'kb=32 seed=2', 'seed=2', 'seed=3', 'seed=4'],
  },
  {
    name: 'pchase',
    description: 'pointer chase of steps steps through kb KiB',
    cmdlines: ['', 'kb=64 steps=100000', 'kb=512', 'seed=2', 'seed=3', 'kb=8192', 'kb=16384'],
  },
  {
    name: 'matmul',
    description: 'n × n matrix products, 32-bit and 16.16 fixed point',
    cmdlines: ['', 'n=16', 'n=40 seed=7', 'seed=2', 'seed=3'],
  },
  {
    name: 'crc32',
    description: 'table-driven CRC-32 of kb KiB, rounds times',
    cmdlines: ['', 'kb=4 rounds=1', 'kb=64 rounds=2 seed=7', 'seed=2'],
  },
  {
    name: 'fleet',
    description: 'fills kb KiB, is ready to be forked, then changes touch pages and sums all',
    machine: true,
    cmdlines: ['', 'kb=64 touch=4', 'kb=1024 touch=0 seed=7'],
    memoryMiB: 16,
  },
  { name: 'fib', description: 'recursive Fibonacci of n', cmdlines: ['', 'n=10', 'n=20', 'n=25'] },
  { name: 'interp', description: 'bytecode interpreter, Collatz lengths below n', cmdlines: ['', 'n=50', 'n=500'] },
  {
    name: 'paging',
    description: 'own page tables with 4 KB and 4 MB pages, demand paging of pages over frames in its #PF handler',
    machine: true,
    cmdlines: ['', 'steps=5000', 'pages=40 frames=8 seed=7 steps=20000', 'seed=2'],
  },
  {
    name: 'rings',
    description: 'procs ring-3 processes with own page tables, INT 0x80, preempted by the timer at hz',
    machine: true,
    cmdlines: ['', 'procs=3 n=5000', 'procs=8 n=20000 seed=7', 'hz=100', 'hz=10000'],
  },
  {
    name: 'strings',
    description: 'string instructions of all sizes, directions, alignments and repeats; memcpy and its family',
    cmdlines: ['', 'n=2000', 'n=5000 seed=7'],
  },
  {
    name: 'ctx',
    description: 'n switches between two address spaces by CR3, touches accesses after each',
    machine: true,
    cmdlines: ['', 'n=1000', 'global=1', 'n=20000 touches=64 pages=128'],
  },
  {
    name: 'alu',
    description: 'n rounds of arithmetic, logic, shifts and bit instructions with their flags',
    cmdlines: ['', 'n=100', 'seed=2'],
  },
  {
    name: 'smc',
    description: 'self-modifying code: emitted functions, patches ahead, to itself, in other pages, across pages',
    cmdlines: ['', 'n=500', 'seed=2'],
  },
  {
    name: 'timer',
    description: 'sleeps with HLT through ticks timer interrupts at hz',
    machine: true,
    cmdlines: ['', 'ticks=20', 'hz=100 ticks=20 work=100000'],
  },
  {
    name: 'latency',
    description: 'n sleeps of us microseconds by timer events, and how late it woke, as a histogram',
    machine: true,
    cmdlines: ['', 'n=1000 us=100 work=10', 'n=2000 us=300 work=100', 'seed=2'],
  },
  {
    name: 'disk',
    description: 'n random transfers from and to its whole disk, hashed and compared; irq=1 sleeps until they are done',
    machine: true,
    cmdlines: ['', 'irq=1', 'n=50 seed=7', 'n=1000 seed=2', 'irq=1 seed=3'],
    disk: { bytes: 131072, seed: 7 },
  },
  {
    name: 'echo',
    description: 'reads a line from the UART, echoes and hashes it',
    input: 'The quick brown fox jumps over the lazy dog.\n',
    cmdlines: [''],
  },
  {
    name: 'pingpong',
    description: 'n round trips of an event and a shared word with the domain peer; alone without side=first or second',
    cmdlines: [
      '',
      'side=first peer=1',
      'side=second peer=0',
      'n=200',
      'n=200 side=first peer=1',
      'n=200 side=second peer=0',
    ],
  },
  {
    name: 'bulk',
    description:
      'pages pages, rounds times, granted to the domain peer, which maps or (mode=copy) copies and hashes them',
    cmdlines: [
      '',
      ...[1, 3, 5].flatMap((peer) => [`side=first peer=${peer}`, `side=second peer=${peer - 1}`]),
      'mode=copy side=first peer=5',
      'mode=copy side=second peer=4',
    ],
  },
  {
    name: 'ring',
    description: 'n numbers through a ring in a page shared with the domain peer: producer and consumer',
    cmdlines: ['', 'side=first peer=7', 'side=second peer=6', 'n=5000 side=first peer=1', 'n=5000 side=second peer=0'],
  },
  {
    name: 'vm0-victim',
    description: 'keeps a secret line of its console input in memory and works n rounds',
    input: 'the quick red fox told nobody\n',
    cmdlines: ['', 'n=2000'],
  },
  {
    name: 'hostile-undefined',
    description: 'byte sequences that are no instructions; each must raise what the real CPU raises',
    cmdlines: ['', 'n=1'],
    qemuDiffers: 'TCG accepts some LOCK prefixes and register forms that the CPU refuses',
  },
  {
    name: 'hostile-smc-storm',
    description: 'code on 16 pages that patches code on 16 pages all the time',
    cmdlines: ['', 'n=1000'],
  },
];

/** A privileged domain's programs and their victims, `programs/<name>.c`: there is nothing native to compare them with. */
export const control = [
  {
    name: 'smm-victim',
    description: 'keeps a record in memory that the domain peer= attacks, and tells what became of it',
  },
  {
    name: 'smm-pages',
    description: 'writes hot and cold pages, sleeps, and reads the hot ones again',
  },
  {
    name: 'smm-thief',
    description: 'a domain that looks for the secret of another in what is put into its memory or left there',
  },
  {
    name: 'smm-attack',
    description:
      'VM0 against the memory of domain 0: attack=dump, dump-paused, remap, residual, keystream, key, splice …',
  },
  {
    name: 'fork-bomb',
    description: 'forks the domain of= until it is refused, up to limit times; clean=1: destroys all and begins anew',
  },
  {
    name: 'page-probe',
    description:
      'role=spy tells by the time of a write which page the domain with role=victim holds: memory deduplication',
  },
  {
    name: 'pvh',
    description: 'begins by PVH: prints its hvm_start_info, modules and memory map',
    script: 'pvh',
  },
  {
    name: 'vm0-build',
    description: 'a toolstack: builds a domain from its module, lets it run and waits for its end, rounds times',
  },
  {
    name: 'vm0-dump',
    description: 'maps every page of the domain of=, or every machine frame, and searches it for hex=',
  },
];

const poweroff = { kind: 'shutdown', reason: 'poweroff' };
const limit = { kind: 'limit' };
const tripleFault = { kind: 'triple-fault' };
const outside = { kind: 'ept-violation' };

/**
 * Guests that do their worst; the source is `hostile/<name>.c`. `outcome` is how the run must end on Ringfence (the fields
 * given must be equal; kind `any`: in whatever way, but it must end), `qemu` what QEMU makes of it, which has no EPT.
 * `checksums`: what the architecture demands, in programs that have no native counterpart.
 */
export const hostile = [
  { name: 'triple-fault', description: 'exception with an empty IDT', outcome: tripleFault, qemu: 'reset' },
  { name: 'spin', description: 'spins for ever with interrupts off', outcome: limit, qemu: 'stopped' },
  {
    name: 'halt',
    description: 'HLT with interrupts off',
    outcome: { kind: 'halted', interrupts: false },
    qemu: 'stopped',
  },
  { name: 'crash', description: 'SHUTDOWN_crash', outcome: { kind: 'shutdown', reason: 'crash' }, qemu: 'crash' },
  { name: 'reset', description: 'reset by port 0x64', outcome: { kind: 'reset', port: 0x64 }, qemu: 'reset' },
  { name: 'tables', description: 'overwrites its page directory with garbage', outcome: outside, qemu: 'reset' },
  {
    name: 'tables-inside',
    description: 'reads through page tables of garbage that stays inside its memory',
    outcome: poweroff,
    qemu: 'poweroff',
  },
  { name: 'cr3', description: 'CR3 to absent memory', outcome: outside, qemu: 'reset' },
  {
    name: 'beyond-read',
    description: 'reads the first word beyond its memory',
    outcome: { kind: 'ept-violation', access: 'read' },
    qemu: 'poweroff',
  },
  {
    name: 'beyond-write',
    description: 'writes the first word beyond its memory',
    outcome: { kind: 'ept-violation', access: 'write' },
    qemu: 'poweroff',
  },
  {
    name: 'beyond-execute',
    description: 'jumps beyond its memory',
    outcome: { kind: 'ept-violation', access: 'execute' },
    qemu: 'any',
  },
  {
    name: 'write-everywhere',
    description: 'writes through all linear, then all physical space',
    outcome: { kind: 'ept-violation', access: 'write' },
    qemu: 'poweroff',
    checksums: { 'hostile-write-everywhere': '040c5394' },
  },
  {
    name: 'execute-data',
    description: 'jumps into random bytes in ring 3, n times',
    outcome: poweroff,
    qemu: 'any',
    qemuDiffers: 'IRET in ring 3 enters virtual-8086 mode in TCG 7.2',
  },
  { name: 'garbage', description: 'jumps into random bytes in ring 0', outcome: { kind: 'any' }, qemu: 'any' },
  { name: 'fault-storm', description: 'page faults for ever', outcome: limit, qemu: 'stopped' },
  {
    name: 'stack-overflow',
    description: 'recurses until the stack is in an absent page',
    outcome: tripleFault,
    qemu: 'reset',
  },
  {
    name: 'nesting',
    description: 'exceptions in exception handlers, n deep',
    outcome: poweroff,
    qemu: 'poweroff',
    checksums: { 'hostile-nesting': 'a38b620e' },
  },
  { name: 'idt-garbage', description: 'an IDT without a valid gate', outcome: tripleFault, qemu: 'reset' },
  { name: 'idt-absent', description: 'an IDT in absent memory', outcome: outside, qemu: 'reset' },
  { name: 'gdt-absent', description: 'a GDT in absent memory', outcome: outside, qemu: 'reset' },
  {
    name: 'gdt-garbage',
    description: 'loads every selector of a GDT of random descriptors',
    outcome: poweroff,
    qemu: 'poweroff',
    checksums: { 'hostile-gdt-garbage': 'ab7bd1f3' },
  },
  {
    name: 'ports',
    description: 'reads and writes all 65,536 ports, which ends in a reset',
    outcome: { kind: 'reset', port: 0x64 },
    qemu: 'any',
    qemuDiffers: 'a word read of the UART aborts QEMU 7.2',
  },
  {
    name: 'hypercalls',
    description: 'hypercalls with random numbers, arguments and pointers',
    outcome: poweroff,
    qemu: 'poweroff',
    checksums: { 'hostile-hypercalls': '2561dbbc' },
  },
  {
    name: 'msrs',
    description: 'RDMSR and WRMSR of everything',
    outcome: poweroff,
    qemu: 'poweroff',
    checksums: { 'hostile-msrs': '050c5707' },
  },
  {
    name: 'int-flood',
    description: 'INT n for all vectors, n rounds',
    outcome: poweroff,
    qemu: 'poweroff',
    checksums: { 'hostile-int-flood': '00271000' },
  },
  {
    name: 'timer-storm',
    description: 'n timer interrupts at 0.6 MHz',
    outcome: poweroff,
    qemu: 'poweroff',
    checksums: { 'hostile-timer-storm': 'd4a94dde' },
  },
  {
    name: 'queues',
    description: 'garbage in the queue and the registers of its disk, n rounds; then the disk must work',
    outcome: poweroff,
    qemu: 'poweroff',
    checksums: { 'hostile-queues': '00000000' },
    disk: { bytes: 131072, seed: 7 },
  },
  { name: 'flood', description: 'floods the console for ever', outcome: limit, qemu: 'stopped' },
];

/** Guests that print a trace instead of checksums: `trace` is the recorded one. */
export const traces = [
  {
    name: 'privileged',
    description:
      'every exception, gate, privilege transition and task switch, V86 and real mode: a line for each experiment',
    sources: [
      ...['exceptions', 'segments', 'transfers', 'gates', 'tasks', 'debug', 'pages', 'alignment', 'ports', 'flags'],
      ...['control', 'v86', 'real', 'entry', 'realmode'],
    ].map((part) => `privileged/${part}.S`),
    machine: ['world', 'trace', 'trap', 'setup'].map((part) => `privileged/${part}.c`),
    trace: 'privileged/expected.txt',
  },
  {
    name: 'apic',
    description:
      'a local APIC: registers, priorities, interrupts to itself, destinations, timer; a line for each experiment',
    sources: ['apic/apic.c'],
    machine: [],
    trace: 'apic/expected.txt',
  },
];

/** Every image: its sources, and what a scenario and a test need to know about it. */
export const guests = [
  ...programs.map(({ name, description, machine, cmdlines, memoryMiB = 4, input, disk }) => ({
    name,
    sources: [
      name.startsWith('hostile-') ? `${name.replace('-', '/')}.c` : `programs/${name}.c`,
      ...(machine ? [`programs/${name}-machine.c`] : []),
    ],
    description,
    cmdline: cmdlines[0],
    memoryMiB,
    ...(input === undefined ? {} : { input }),
    ...(disk === undefined ? {} : { disk }),
    hostile: name.startsWith('hostile-'),
    outcome: poweroff,
  })),
  ...control.map(({ name, description, script }) => ({
    name,
    ...(script === undefined ? {} : { script }),
    sources: [`programs/${name}.c`],
    description,
    cmdline: '',
    memoryMiB: 4,
    hostile: false,
    outcome: poweroff,
    privileged: true,
  })),
  ...traces.map(({ name, description, sources, machine, trace }) => ({
    name,
    sources: [...sources, ...machine],
    description,
    cmdline: '',
    memoryMiB: 4,
    hostile: false,
    outcome: poweroff,
    trace,
  })),
  ...hostile.map(({ name, description, outcome, checksums, disk }) => ({
    name: `hostile-${name}`,
    sources: [`hostile/${name}.c`],
    description,
    cmdline: '',
    memoryMiB: 4,
    hostile: true,
    outcome,
    ...(checksums ? { checksums } : {}),
    ...(disk ? { disk } : {}),
  })),
];
